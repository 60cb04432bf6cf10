// A build without CUDA: open_device gives no device that this table would be for.
#include "encode/device_embeddings_kernels.hpp"

namespace coterie::encode {

const Kernels& cuda_kernels() {
    throw cuda::DeviceError("device='cuda': " + cuda::cuda_state().problem);
}

}  // namespace coterie::encode
