// The encode room's device programs as one table: compiled for CUDA, or emulated on the host.
#pragma once

#include "cuda/device.hpp"
#include "encode/finish_rows.hpp"

namespace coterie::encode {

// Queues a program as a grid of so many blocks.
template <typename Program>
using Launch = void (*)(cuda::Device& device, const Program& program, index_t n_blocks);

struct Kernels {
    Launch<FinishRows> finish_rows;
    Launch<CopyRows> copy_rows;
};

// The table for a device. A build without CUDA has no device that would ask for the second.
const Kernels& kernels_for(const cuda::Device& device);
const Kernels& cuda_kernels();

}  // namespace coterie::encode
