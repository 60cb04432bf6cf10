// The device room of a build without CUDA.
#include "cuda/device.hpp"

namespace coterie::cuda {

CudaState cuda_state() {
    CudaState state;
    state.problem =
        "this build of coterie has no CUDA code; build it where nvcc is on the PATH, with -DCOTERIE_CUDA=ON";
    return state;
}

std::shared_ptr<Device> open_cuda_device(int) {
    throw DeviceError("device='cuda': " + cuda_state().problem);
}

}  // namespace coterie::cuda
