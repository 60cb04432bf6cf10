// The text room's device programs as one table: compiled for CUDA, or emulated on the host.
#pragma once

#include "cuda/device.hpp"
#include "text/device_terms.hpp"
#include "text/device_weights.hpp"

namespace coterie::text::device {

// Queues a program as a grid of so many blocks.
template <typename Program>
using Launch = void (*)(cuda::Device& device, const Program& program, index_t n_blocks);

struct Kernels {
    Launch<ClassifyText> classify_text;
    Launch<FindTokens> find_tokens;
    Launch<MarkRuns> mark_runs;
    Launch<NumberTerms> number_terms;
    Launch<GatherTerms> gather_terms;
    Launch<KeepWords> keep_words;
    Launch<GramKeys> gram_keys;
    Launch<PairTerms> pair_terms;
    Launch<RunBegins> run_begins;
    Launch<CountEntries> count_entries;
    Launch<FindColumns> find_columns;
    Launch<RowNorms> row_norms;
    Launch<WriteRows<float>> write_float_rows;
    Launch<WriteRows<double>> write_double_rows;
    Launch<WriteRows<std::int64_t>> write_integer_rows;
};

// The table for a device. A build without CUDA has no device that would ask for the second.
const Kernels& kernels_for(const cuda::Device& device);
const Kernels& cuda_kernels();

}  // namespace coterie::text::device
