// CUDA devices through the runtime, which is linked statically and finds the driver when it is first called.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "cuda/check_cuda.cuh"
#include "cuda/device.hpp"
#include "cuda/owned.cuh"
#include "cuda/queues.cuh"

namespace coterie::cuda {
namespace {

constexpr std::size_t kLeastStaged = std::size_t{1} << 20;
constexpr std::size_t kMostPitch = 0x7FFFFFFF;  // that a two-dimensional copy takes

std::string gibibytes(std::size_t bytes) {
    const double value = static_cast<double>(bytes) / (1 << 30);
    char text[32];
    std::snprintf(text, sizeof text, value < 0.01 ? "%.2g GiB" : "%.2f GiB", value);
    return text;
}

class CudaDevice final : public Device {
  public:
    explicit CudaDevice(int index) : index_(index) {
        const UseDevice use(index_);
        check_cuda(cudaGetDeviceProperties(&properties_, index_), "cudaGetDeviceProperties");
        open();
    }
    ~CudaDevice() override {
        int before = 0;
        if (cudaGetDevice(&before) != cudaSuccess) {  // the driver is gone: the process is ending
            static_cast<void>(stream_.release());
            return;
        }
        cudaSetDevice(index_);
        cudaStreamSynchronize(stream_.get());
        staging_.reset();
        stream_.reset();
        cudaSetDevice(before);
    }

    void* allocate(std::size_t bytes, const char* what) override {
        const UseDevice use(index_);
        void* memory = nullptr;
        const cudaError_t error = cudaMalloc(&memory, bytes);
        if (error == cudaErrorMemoryAllocation) {
            cudaGetLastError();
            std::size_t free = 0, total = 0;
            check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
            throw DeviceMemoryError("device " + std::to_string(index_) + " (" + name() + "): " + what +
                                    " take " + gibibytes(bytes) + " and " + gibibytes(free) + " of " +
                                    gibibytes(total) +
                                    " are free; use fewer rows at a time, or device='cpu'");
        }
        check_cuda(error, what);
        return memory;
    }
    void release(void* memory) noexcept override {
        int before = 0;
        if (cudaGetDevice(&before) != cudaSuccess) return;
        cudaSetDevice(index_);
        cudaFree(memory);  // waits for the kernels that still use it
        cudaSetDevice(before);
    }

    void upload(void* device, const void* host, std::size_t bytes) override {
        if (bytes > 0) upload_rows(device, host, 1, bytes, bytes);
    }
    void upload_rows(void* device, const void* host, std::size_t rows, std::size_t row_bytes,
                     std::size_t stride_bytes) override {
        const UseDevice use(index_);
        const std::size_t bytes = rows * row_bytes;
        if (bytes < kLeastStaged && stride_bytes <= kMostPitch) {
            if (bytes == 0) return;
            check_cuda(cudaMemcpy2DAsync(device, row_bytes, host, stride_bytes, row_bytes, rows,
                                         cudaMemcpyHostToDevice, stream_.get()),
                       "copy to the device");
            check_cuda(cudaStreamSynchronize(stream_.get()), "copy to the device");
            return;
        }
        const std::scoped_lock lock(staging_mutex_);
        if (!staging_) staging_ = std::make_unique<Staging>();
        staging_->send_rows(stream_.get(), device, host, rows, row_bytes, stride_bytes);
    }
    void download(void* host, const void* device, std::size_t bytes) override {
        const UseDevice use(index_);
        check_cuda(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_.get()),
                   "copy to the host");
        check_cuda(cudaStreamSynchronize(stream_.get()), "copy to the host");
    }
    void copy(void* to, const void* from, std::size_t bytes) override {
        const UseDevice use(index_);
        check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, current_queue()),
                   "copy on the device");
    }
    void fill(void* device, int byte, std::size_t bytes) override {
        const UseDevice use(index_);
        check_cuda(cudaMemsetAsync(device, byte, bytes, current_queue()), "cudaMemset");
    }
    void synchronise() override {
        const UseDevice use(index_);
        check_cuda(cudaStreamSynchronize(stream_.get()), "work on the device");
    }
    std::unique_ptr<Feed> make_feed() override { return make_cuda_feed(index_, stream_.get()); }
    std::unique_ptr<Mailbox> make_mailbox(std::size_t capacity) override {
        return make_cuda_mailbox(index_, stream_.get(), capacity);
    }
    std::unique_ptr<Recording> record(std::function<void()> work) override {
        return record_on_cuda(index_, stream_.get(), recorded_, work);
    }

    bool is_emulated() const override { return false; }
    bool has_wgmma() const override {
        return properties_.major == 9 && properties_.minor == 0 &&
               std::string(COTERIE_CUDA_ARCHITECTURES).find("90a") != std::string::npos;
    }
    std::string name() const override { return properties_.name; }
    std::int64_t free_memory() const override {
        const UseDevice use(index_);
        std::size_t free = 0, total = 0;
        check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
        return static_cast<std::int64_t>(free);
    }
    void* queue() const override { return current_queue(); }
    int index() const override { return index_; }

  private:
    // The queue, which makes the device's context: a busy or a full device is refused here.
    void open() {
        cudaStream_t stream = nullptr;
        const cudaError_t error = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
        check_opened(error, index_);
        stream_.reset(stream);
    }
    cudaStream_t current_queue() const { return recorded_ != nullptr ? recorded_ : stream_.get(); }

    // Where this thread's work goes while it records; a thread records on one device at a time.
    static inline thread_local cudaStream_t recorded_ = nullptr;

    int index_;
    cudaDeviceProp properties_{};
    Stream stream_;
    std::mutex staging_mutex_;
    std::unique_ptr<Staging> staging_;
};

std::string version(int number) {
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

std::string problem_of(cudaError_t error, int driver) {
    if (error == cudaErrorInsufficientDriver && driver == 0)
        return "no NVIDIA driver is installed on this machine";
    if (error == cudaErrorInsufficientDriver)
        return "the NVIDIA driver is too old: it supports CUDA " + version(driver) +
               " and this build needs CUDA " + version(CUDART_VERSION) +
               " or a later driver of that generation";
    if (error == cudaErrorNoDevice)
        return "the NVIDIA driver finds no device (none is installed, or CUDA_VISIBLE_DEVICES hides them)";
    return explain(error);
}

}  // namespace

std::string explain(cudaError_t error) {
    std::string text = std::string(cudaGetErrorName(error)) + ", " + cudaGetErrorString(error);
    if (error == cudaErrorDevicesUnavailable)
        text += "; another process holds the device in exclusive mode, or it is busy";
    if (error == cudaErrorNoKernelImageForDevice)
        text += "; this build has code for " COTERIE_CUDA_ARCHITECTURES " only";
    if (error == cudaErrorSystemNotReady)
        text += "; the machine's fabric manager does not run, or has not finished";
    if (error == cudaErrorSystemDriverMismatch)
        text += "; the driver was updated and its old part is still loaded: restart the machine";
    if (error == cudaErrorInitializationError)
        text += "; CUDA cannot be used in a process forked from one that used it: start processes by 'spawn'";
    return text;
}

CudaState cuda_state() {
    CudaState state;
    state.built = true;
    state.architectures = COTERIE_CUDA_ARCHITECTURES;
    state.runtime_version = CUDART_VERSION;
    if (cudaDriverGetVersion(&state.driver_version) != cudaSuccess) state.driver_version = 0;
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) {
        cudaGetLastError();
        state.problem = problem_of(error, state.driver_version);
        return state;
    }
    for (int i = 0; i < count; ++i) {
        cudaDeviceProp p{};
        if (cudaGetDeviceProperties(&p, i) != cudaSuccess) continue;
        state.devices.push_back({i, p.name, p.major, p.minor, p.multiProcessorCount,
                                 static_cast<std::int64_t>(p.totalGlobalMem), p.major >= 8});
    }
    const bool any = std::any_of(state.devices.begin(), state.devices.end(),
                                 [](const DeviceInfo& device) { return device.is_supported; });
    if (!any) state.problem = "no device of compute capability 8.0 or later (Ampere) is here";
    return state;
}

std::shared_ptr<Device> open_cuda_device(int index) {
    const CudaState state = cuda_state();
    if (!state.problem.empty()) throw DeviceError("device='cuda': " + state.problem);
    if (index < 0) check_cuda(cudaGetDevice(&index), "cudaGetDevice");
    const auto found = std::find_if(state.devices.begin(), state.devices.end(),
                                    [&](const DeviceInfo& device) { return device.index == index; });
    if (found == state.devices.end())
        throw DeviceError("device='cuda:" + std::to_string(index) + "': this machine has " +
                          std::to_string(state.devices.size()) + " CUDA device(s), numbered from 0");
    if (!found->is_supported)
        throw DeviceError("device='cuda:" + std::to_string(index) + "': " + found->name +
                          " has compute capability " + std::to_string(found->major) + "." +
                          std::to_string(found->minor) + "; 8.0 (Ampere) is the least");
    return std::make_shared<CudaDevice>(index);
}

}  // namespace coterie::cuda
