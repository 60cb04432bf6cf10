// CUDA devices through the runtime, which is linked statically and finds the driver when it is first called.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "core/parallel.hpp"
#include "cuda/check_cuda.cuh"
#include "cuda/device.hpp"

namespace coterie::cuda {
namespace {

// Pageable memory passes through two pinned blocks of this size: one is filled while the other is copied.
constexpr std::size_t kStagingBytes = std::size_t{32} << 20;
constexpr std::size_t kLeastStaged = std::size_t{1} << 20;

std::string gibibytes(std::size_t bytes) {
    const double value = static_cast<double>(bytes) / (1 << 30);
    char text[32];
    std::snprintf(text, sizeof text, value < 0.01 ? "%.2g GiB" : "%.2f GiB", value);
    return text;
}

// The thread's current device for as long as this lives.
class UseDevice {
  public:
    explicit UseDevice(int index) {
        check_cuda(cudaGetDevice(&before_), "cudaGetDevice");
        if (before_ != index) check_cuda(cudaSetDevice(index), "cudaSetDevice");
    }
    ~UseDevice() { cudaSetDevice(before_); }
    UseDevice(const UseDevice&) = delete;
    UseDevice& operator=(const UseDevice&) = delete;

  private:
    int before_ = 0;
};

// Two pinned blocks, each with the event that says when its last copy has left it.
class Staging {
  public:
    Staging() {
        for (Block& block : blocks_) {
            check_cuda(cudaMallocHost(&block.memory, kStagingBytes), "cudaMallocHost of a staging block");
            check_cuda(cudaEventCreateWithFlags(&block.left, cudaEventDisableTiming), "cudaEventCreate");
        }
    }
    ~Staging() {
        for (Block& block : blocks_) {
            if (block.left != nullptr) cudaEventDestroy(block.left);
            if (block.memory != nullptr) cudaFreeHost(block.memory);
        }
    }
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    // fill(memory, begin, end) writes bytes begin .. end of the whole.
    template <typename Fill>
    void send(void* device, std::size_t bytes, cudaStream_t stream, const Fill& fill) {
        std::size_t turn = 0;
        for (std::size_t begin = 0; begin < bytes; begin += kStagingBytes, ++turn) {
            Block& block = blocks_[turn % 2];
            const std::size_t end = std::min(bytes, begin + kStagingBytes);
            check_cuda(cudaEventSynchronize(block.left), "waiting for a copy to the device");
            fill(static_cast<char*>(block.memory), begin, end);
            check_cuda(cudaMemcpyAsync(static_cast<char*>(device) + begin, block.memory, end - begin,
                                       cudaMemcpyHostToDevice, stream),
                       "copy to the device");
            check_cuda(cudaEventRecord(block.left, stream), "cudaEventRecord");
        }
    }

  private:
    struct Block {
        void* memory = nullptr;
        cudaEvent_t left = nullptr;
    };
    Block blocks_[2];
};

class CudaDevice final : public Device {
  public:
    explicit CudaDevice(int index) : index_(index) {
        const UseDevice use(index_);
        check_cuda(cudaGetDeviceProperties(&properties_, index_), "cudaGetDeviceProperties");
        // The first call that makes a context on the device: a busy one is refused here.
        check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "opening the device");
    }
    ~CudaDevice() override {
        int before = 0;
        if (cudaGetDevice(&before) != cudaSuccess) return;  // the driver is gone: the process is ending
        cudaSetDevice(index_);
        cudaStreamSynchronize(stream_);
        staging_.reset();
        cudaStreamDestroy(stream_);
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
        if (bytes < kLeastStaged) {
            if (bytes == 0) return;
            check_cuda(cudaMemcpy2DAsync(device, row_bytes, host, stride_bytes, row_bytes, rows,
                                         cudaMemcpyHostToDevice, stream_),
                       "copy to the device");
            check_cuda(cudaStreamSynchronize(stream_), "copy to the device");
            return;
        }
        const std::scoped_lock lock(staging_mutex_);
        if (!staging_) staging_ = std::make_unique<Staging>();
        staging_->send(device, bytes, stream_, [&](char* memory, std::size_t begin, std::size_t end) {
            gather(memory, host, begin, end, row_bytes, stride_bytes);
        });
    }
    void download(void* host, const void* device, std::size_t bytes) override {
        const UseDevice use(index_);
        check_cuda(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_), "copy to the host");
        check_cuda(cudaStreamSynchronize(stream_), "copy to the host");
    }
    void copy(void* to, const void* from, std::size_t bytes) override {
        const UseDevice use(index_);
        check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "copy on the device");
    }
    void fill(void* device, int byte, std::size_t bytes) override {
        const UseDevice use(index_);
        check_cuda(cudaMemsetAsync(device, byte, bytes, stream_), "cudaMemset");
    }
    void synchronise() override {
        const UseDevice use(index_);
        check_cuda(cudaStreamSynchronize(stream_), "work on the device");
    }

    bool is_emulated() const override { return false; }
    std::string name() const override { return properties_.name; }
    std::int64_t free_memory() const override {
        const UseDevice use(index_);
        std::size_t free = 0, total = 0;
        check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
        return static_cast<std::int64_t>(free);
    }
    void* queue() const override { return stream_; }
    int index() const override { return index_; }

  private:
    // Bytes begin .. end of rows that are stride_bytes apart, by all cores: one core copies slower than the bus.
    static void gather(char* out, const void* host, std::size_t begin, std::size_t end, std::size_t row_bytes,
                       std::size_t stride_bytes) {
        constexpr index_t kBytesPerTask = 1 << 20;
        const auto size = static_cast<index_t>(end - begin);
        parallel_for_rows(size, kBytesPerTask, 0, [&](index_t from, index_t to, int) {
            std::size_t at = begin + static_cast<std::size_t>(from);
            const std::size_t last = begin + static_cast<std::size_t>(to);
            while (at < last) {
                const std::size_t row = at / row_bytes, column = at % row_bytes;
                const std::size_t n = std::min(row_bytes - column, last - at);
                std::memcpy(out + (at - begin), static_cast<const char*>(host) + row * stride_bytes + column,
                            n);
                at += n;
            }
        });
    }

    int index_;
    cudaDeviceProp properties_{};
    cudaStream_t stream_ = nullptr;
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
