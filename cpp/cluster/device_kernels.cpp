#include "cluster/device_kernels.hpp"

#include "cuda/emulated_block.hpp"

namespace coterie::cluster::device {
namespace {

using cuda::emulate;

const Kernels& emulated_kernels() {
    static constexpr Kernels kernels = {
        {&emulate<ListActive<Dense>>, &emulate<Resolve<Dense>>, &emulate<MoveRows<Dense>>,
         &emulate<MoveOneRow<Dense>>, &emulate<OwnDistances<Dense>>, &emulate<AllDistances<Dense>>},
        {&emulate<ListActive<Sparse>>, &emulate<Resolve<Sparse>>, &emulate<MoveRows<Sparse>>,
         &emulate<MoveOneRow<Sparse>>, &emulate<OwnDistances<Sparse>>, &emulate<AllDistances<Sparse>>},
        &emulate<DenseSquaredNorms>,
        &emulate<SparseSquaredNorms>,
        &emulate<DenseLargest>,
        &emulate<SparseLargest>,
        &emulate<DenseFeatureSums>,
        &emulate<SparseFeatureSums>,
        &emulate<SampleMean>,
        &emulate<PackRows>,
        &emulate<DenseFilter<false>>,
        &emulate<DenseFilter<false, cuda::WgmmaProduct>>,
        &emulate<DenseFilter<true>>,
        &emulate<DenseFilter<true, cuda::WgmmaProduct>>,
        &emulate<SparseFilter<false>>,
        &emulate<SparseFilter<true>>,
        &emulate<UpdateDense>,
        &emulate<UpdateSparse>,
        &emulate<PackColumns>,
        &emulate<SummariseColumns>,
        &emulate<GatherRows>,
        &emulate<GatherSparseRows>,
        &emulate<SpreadTrials>,
        &emulate<MeasureTrials<Dense>>,
        &emulate<MeasureTrials<Sparse>>,
        &emulate<TaskSums>,
        &emulate<CheckClusters>,
        &emulate<EndIteration>,
    };
    return kernels;
}

}  // namespace

const Kernels& kernels_for(const cuda::Device& device) {
    return device.is_emulated() ? emulated_kernels() : cuda_kernels();
}

}  // namespace coterie::cluster::device
