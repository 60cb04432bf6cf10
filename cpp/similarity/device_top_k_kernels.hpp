// The similarity room's device programs as one table: compiled for CUDA, or emulated on the host.
#pragma once

#include "cuda/device.hpp"
#include "similarity/device_dense_top_k.hpp"
#include "similarity/device_sparse_top_k.hpp"

namespace coterie::device {

template <typename Program>
using Launch = void (*)(cuda::Device& device, const Program& program, index_t n_blocks);

struct TopKKernels {
    Launch<RowLengths> row_lengths;
    Launch<MeanOfUnits> mean_of_units;
    Launch<PackUnitRows> pack_unit_rows;
    Launch<GroupMaxima> group_maxima;
    Launch<DenseTopK<BlockBest>> dense_cosine;
    Launch<SparseTopK<Cosine, BlockBest>> sparse_cosine;
    Launch<SparseTopK<Jaccard, BlockBest>> sparse_jaccard;
    Launch<DenseTopK<BlockPairs>> dense_cosine_pairs;
    Launch<SparseTopK<Cosine, BlockPairs>> sparse_cosine_pairs;
    Launch<SparseTopK<Jaccard, BlockPairs>> sparse_jaccard_pairs;
};

// The table for a device. A build without CUDA has no device that would ask for the second.
const TopKKernels& top_k_kernels_for(const cuda::Device& device);
const TopKKernels& cuda_top_k_kernels();

}  // namespace coterie::device
