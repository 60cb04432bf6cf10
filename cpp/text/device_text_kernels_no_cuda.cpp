// A build without CUDA: open_device gives no device that this table would be for.
#include "text/device_text_kernels.hpp"

namespace coterie::text::device {

const Kernels& cuda_kernels() {
    throw cuda::DeviceError("device='cuda': " + cuda::cuda_state().problem);
}

}  // namespace coterie::text::device
