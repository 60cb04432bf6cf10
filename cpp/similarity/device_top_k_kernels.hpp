// The similarity room's device programs as one table: compiled for CUDA, or emulated on the host.
#pragma once

#include "cuda/device.hpp"
#include "similarity/device_dense_top_k.hpp"
#include "similarity/device_sparse_top_k.hpp"

namespace coterie::device {

template <typename Program>
using Launch = void (*)(cuda::Device& device, const Program& program, index_t n_blocks);

// The comparisons of sparse rows by one measure: the best of each row, and all pairs that reach a threshold.
template <typename Measure>
struct SparseKernels {
    Launch<SparseTopK<Measure, BlockBest>> best;
    Launch<SparseTopK<Measure, BlockPairs>> pairs;
};

struct TopKKernels {
    Launch<RowLengths> row_lengths;
    Launch<MeanOfUnits> mean_of_units;
    Launch<PackUnitRows> pack_unit_rows;
    Launch<GroupMaxima<>> group_maxima;
    Launch<GroupMaxima<cuda::WgmmaProduct>> group_maxima_wgmma;
    Launch<DenseTopK<BlockBest>> dense_cosine;
    Launch<DenseTopK<BlockPairs>> dense_cosine_pairs;
    SparseKernels<Cosine> cosine;
    SparseKernels<Jaccard> jaccard;

    const SparseKernels<Cosine>& sparse(Cosine) const { return cosine; }
    const SparseKernels<Jaccard>& sparse(Jaccard) const { return jaccard; }
};

// The table for a device. A build without CUDA has no device that would ask for the second.
const TopKKernels& top_k_kernels_for(const cuda::Device& device);
const TopKKernels& cuda_top_k_kernels();

}  // namespace coterie::device
