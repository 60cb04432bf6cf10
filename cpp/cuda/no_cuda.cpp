// The device room of a build without CUDA.
#include "cuda/algorithms.hpp"
#include "cuda/device.hpp"
#include "cuda/wgmma_check.hpp"

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

// There is no device that these would be called for.
void cuda_sort_pairs(Device&, DeviceArray<std::uint64_t>&, DeviceArray<std::uint32_t>&, index_t, int) {
    throw DeviceError("device='cuda': " + cuda_state().problem);
}
void cuda_sort_keys(Device&, DeviceArray<std::uint64_t>&, index_t, int) {
    throw DeviceError("device='cuda': " + cuda_state().problem);
}
void cuda_running_sum(Device&, const std::uint32_t*, std::int64_t*, index_t) {
    throw DeviceError("device='cuda': " + cuda_state().problem);
}
void cuda_launch_probe(Device&, const WgmmaProbe&, index_t) {
    throw DeviceError("device='cuda': " + cuda_state().problem);
}

}  // namespace coterie::cuda
