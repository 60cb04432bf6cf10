// The device programs of this room as CUDA kernels.
#include "cuda/block.cuh"
#include "similarity/device_top_k_kernels.hpp"

namespace coterie::device {

const TopKKernels& cuda_top_k_kernels() {
    static constexpr TopKKernels kernels = {
        &cuda::launch<RowLengths>,
        &cuda::launch<MeanOfUnits>,
        &cuda::launch<PackUnitRows>,
        &cuda::launch<GroupMaxima<>>,
        &cuda::launch<GroupMaxima<cuda::WgmmaProduct>>,
        &cuda::launch<DenseTopK<BlockBest>>,
        &cuda::launch<DenseTopK<BlockPairs>>,
        {&cuda::launch<SparseTopK<Cosine, BlockBest>>, &cuda::launch<SparseTopK<Cosine, BlockPairs>>},
        {&cuda::launch<SparseTopK<Jaccard, BlockBest>>, &cuda::launch<SparseTopK<Jaccard, BlockPairs>>},
    };
    return kernels;
}

}  // namespace coterie::device
