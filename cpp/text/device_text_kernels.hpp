// The text room's device programs as one table: compiled for CUDA, or emulated on the host.
#pragma once

#include "cuda/device.hpp"
#include "text/device_text.hpp"

namespace coterie::text::device {

// Queues a program as a grid of so many blocks.
template <typename Program>
using Launch = void (*)(cuda::Device& device, const Program& program, index_t n_blocks);

struct Kernels {
    Launch<ClassifyText> classify_text;
    Launch<FindTokens> find_tokens;
    Launch<MarkRuns> mark_runs;
    Launch<NumberTerms> number_terms;
    Launch<RunBegins> run_begins;
    Launch<CountEntries> count_entries;
    Launch<GatherTerms> gather_terms;
};

// The table for a device. A build without CUDA has no device that would ask for the second.
const Kernels& kernels_for(const cuda::Device& device);
const Kernels& cuda_kernels();

}  // namespace coterie::text::device
