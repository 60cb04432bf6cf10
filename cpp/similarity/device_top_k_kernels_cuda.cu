// The device programs of this room as CUDA kernels.
#include "cuda/block.cuh"
#include "similarity/device_top_k_kernels.hpp"

namespace coterie::device {

const TopKKernels& cuda_top_k_kernels() {
    static constexpr TopKKernels kernels = {
        &cuda::launch<SparseTopK<Cosine>>, &cuda::launch<SparseTopK<Jaccard>>, &cuda::launch<PackUnitRows>,
        &cuda::launch<GroupMaxima>,        &cuda::launch<DenseTopK>,
    };
    return kernels;
}

}  // namespace coterie::device
