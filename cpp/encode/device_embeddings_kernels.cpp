#include "encode/device_embeddings_kernels.hpp"

#include "cuda/emulated_block.hpp"

namespace coterie::encode {

const Kernels& kernels_for(const cuda::Device& device) {
    static constexpr Kernels emulated = {&cuda::emulate<FinishRows>, &cuda::emulate<CopyRows>};
    return device.is_emulated() ? emulated : cuda_kernels();
}

}  // namespace coterie::encode
