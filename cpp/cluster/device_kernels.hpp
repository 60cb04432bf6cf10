// The K-means room's device programs as one table: compiled for CUDA, or emulated on the host.
#pragma once

#include "cluster/device_columns.hpp"
#include "cluster/device_distances.hpp"
#include "cluster/device_seeding.hpp"
#include "cluster/device_update.hpp"
#include "cuda/device.hpp"

namespace coterie::cluster::device {

// Queues a program as a grid of so many blocks.
template <typename Program>
using Launch = void (*)(cuda::Device& device, const Program& program, index_t n_blocks);

// The programs of one kind of rows.
template <typename View>
struct RowKernels {
    Launch<ListActive<View>> list_active;
    Launch<Resolve<View>> resolve;
    Launch<MoveRows<View>> move_rows;
    Launch<MoveOneRow<View>> move_one_row;
    Launch<OwnDistances<View>> own_distances;
    Launch<AllDistances<View>> all_distances;
};

struct Kernels {
    RowKernels<Dense> dense;
    RowKernels<Sparse> sparse;
    Launch<DenseSquaredNorms> dense_squared_norms;
    Launch<SparseSquaredNorms> sparse_squared_norms;
    Launch<DenseLargest> dense_largest;
    Launch<SparseLargest> sparse_largest;
    Launch<DenseFeatureSums> dense_feature_sums;
    Launch<SparseFeatureSums> sparse_feature_sums;
    Launch<SampleMean> sample_mean;
    Launch<PackRows> pack_rows;
    Launch<DenseFilter<false>> dense_filter;
    Launch<DenseFilter<false, cuda::WgmmaProduct>> dense_filter_wgmma;
    Launch<DenseFilter<true>> dense_candidates;
    Launch<DenseFilter<true, cuda::WgmmaProduct>> dense_candidates_wgmma;
    Launch<SparseFilter<false>> sparse_filter;
    Launch<SparseFilter<true>> sparse_candidates;
    Launch<UpdateDense> update_dense;
    Launch<UpdateSparse> update_sparse;
    Launch<PackColumns> pack_columns;
    Launch<SummariseColumns> summarise_columns;
    Launch<GatherRows> gather_rows;
    Launch<GatherSparseRows> gather_sparse_rows;
    Launch<SpreadTrials> spread_trials;
    Launch<MeasureTrials<Dense>> measure_dense_trials;
    Launch<MeasureTrials<Sparse>> measure_sparse_trials;
    Launch<TaskSums> task_sums;
    Launch<CheckClusters> check_clusters;
    Launch<EndIteration> end_iteration;
};

// The table for a device. A build without CUDA has no device that would ask for the second.
const Kernels& kernels_for(const cuda::Device& device);
const Kernels& cuda_kernels();

}  // namespace coterie::cluster::device
