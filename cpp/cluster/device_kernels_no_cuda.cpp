// A build without CUDA: open_device gives no device that this table would be for.
#include "cluster/device_kernels.hpp"

namespace coterie::cluster::device {

const Kernels& cuda_kernels() {
    throw cuda::DeviceError("device='cuda': " + cuda::cuda_state().problem);
}

}  // namespace coterie::cluster::device
