// The similarity room's device programs as one table: compiled for CUDA, or emulated on the host.
#pragma once

#include "cuda/device.hpp"
#include "similarity/device_dense_top_k.hpp"
#include "similarity/device_sparse_top_k.hpp"

namespace coterie::device {

template <typename Program>
using Launch = void (*)(cuda::Device& device, const Program& program, index_t n_blocks);

struct TopKKernels {
    Launch<SparseTopK<Cosine>> sparse_cosine;
    Launch<SparseTopK<Jaccard>> sparse_jaccard;
    Launch<PackUnitRows> pack_unit_rows;
    Launch<GroupMaxima> group_maxima;
    Launch<DenseTopK> dense_cosine;
};

// The table for a device. A build without CUDA has no device that would ask for the second.
const TopKKernels& top_k_kernels_for(const cuda::Device& device);
const TopKKernels& cuda_top_k_kernels();

}  // namespace coterie::device
