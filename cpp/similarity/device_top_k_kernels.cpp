#include "similarity/device_top_k_kernels.hpp"

#include "cuda/emulated_block.hpp"

namespace coterie::device {
namespace {

const TopKKernels& emulated_kernels() {
    static constexpr TopKKernels kernels = {
        &cuda::emulate<RowLengths>,
        &cuda::emulate<MeanOfUnits>,
        &cuda::emulate<PackUnitRows>,
        &cuda::emulate<GroupMaxima<>>,
        &cuda::emulate<GroupMaxima<cuda::WgmmaProduct>>,
        &cuda::emulate<DenseTopK<BlockBest>>,
        &cuda::emulate<DenseTopK<BlockPairs>>,
        {&cuda::emulate<SparseTopK<Cosine, BlockBest>>, &cuda::emulate<SparseTopK<Cosine, BlockPairs>>},
        {&cuda::emulate<SparseTopK<Jaccard, BlockBest>>, &cuda::emulate<SparseTopK<Jaccard, BlockPairs>>},
    };
    return kernels;
}

}  // namespace

const TopKKernels& top_k_kernels_for(const cuda::Device& device) {
    return device.is_emulated() ? emulated_kernels() : cuda_top_k_kernels();
}

}  // namespace coterie::device
