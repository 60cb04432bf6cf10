// The device programs of this room as CUDA kernels.
#include "cuda/block.cuh"
#include "encode/device_embeddings_kernels.hpp"

namespace coterie::encode {

const Kernels& cuda_kernels() {
    static constexpr Kernels kernels = {&cuda::launch<FinishRows>, &cuda::launch<CopyRows>};
    return kernels;
}

}  // namespace coterie::encode
