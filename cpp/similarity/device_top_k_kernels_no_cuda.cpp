// A build without CUDA: open_device gives no device that this table would be for.
#include "similarity/device_top_k_kernels.hpp"

namespace coterie::device {

const TopKKernels& cuda_top_k_kernels() {
    throw cuda::DeviceError("device='cuda': " + cuda::cuda_state().problem);
}

}  // namespace coterie::device
