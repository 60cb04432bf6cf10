// The device programs of this room as CUDA kernels.
#include "cluster/device_kernels.hpp"
#include "cuda/block.cuh"

namespace coterie::cluster::device {

using cuda::launch;

const Kernels& cuda_kernels() {
    static constexpr Kernels kernels = {
        {&launch<ListActive<Dense>>, &launch<Resolve<Dense>>, &launch<MoveRows<Dense>>,
         &launch<MoveOneRow<Dense>>, &launch<OwnDistances<Dense>>, &launch<AllDistances<Dense>>},
        {&launch<ListActive<Sparse>>, &launch<Resolve<Sparse>>, &launch<MoveRows<Sparse>>,
         &launch<MoveOneRow<Sparse>>, &launch<OwnDistances<Sparse>>, &launch<AllDistances<Sparse>>},
        &launch<DenseSquaredNorms>,
        &launch<SparseSquaredNorms>,
        &launch<DenseLargest>,
        &launch<SparseLargest>,
        &launch<DenseFeatureSums>,
        &launch<SparseFeatureSums>,
        &launch<SampleMean>,
        &launch<PackRows>,
        &launch<DenseFilter<false>>,
        &launch<DenseFilter<false, cuda::WgmmaProduct>>,
        &launch<DenseFilter<true>>,
        &launch<DenseFilter<true, cuda::WgmmaProduct>>,
        &launch<SparseFilter<false>>,
        &launch<SparseFilter<true>>,
        &launch<UpdateDense>,
        &launch<UpdateSparse>,
        &launch<PackColumns>,
        &launch<SummariseColumns>,
        &launch<GatherRows>,
        &launch<GatherSparseRows>,
        &launch<SpreadTrials>,
        &launch<MeasureTrials<Dense>>,
        &launch<MeasureTrials<Sparse>>,
        &launch<TaskSums>,
        &launch<CheckClusters>,
        &launch<EndIteration>,
    };
    return kernels;
}

}  // namespace coterie::cluster::device
