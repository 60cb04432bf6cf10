// A device with memory of its own, and one queue of work on it: a CUDA device, or its emulation on the host.
//
// The emulation runs every device program (see emulated_block.hpp) on this CPU, thread by thread, in the layouts that
// the PTX manual documents. It is for tests: what a CUDA device does with the same programs is compared with it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/types.hpp"

namespace coterie::cuda {

// No device, no driver, a driver that is too old, a device that is busy, a launch that failed.
struct DeviceError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The device's memory does not suffice; says what was asked for and what is free.
struct DeviceMemoryError : DeviceError {
    using DeviceError::DeviceError;
};

// Uploads on a queue of their own, beside what the device's queue works on.
class Feed {
  public:
    virtual ~Feed() = default;
    // As Device::upload_rows. The caller knows that nothing queued on the device still uses that memory.
    virtual void send_rows(void* device, const void* host, std::size_t rows, std::size_t row_bytes,
                           std::size_t stride_bytes) = 0;
    void send(void* device, const void* host, std::size_t bytes) {
        if (bytes > 0) send_rows(device, host, 1, bytes, bytes);
    }
    // What is queued on the device from now on waits for all that was sent.
    virtual void arrive() = 0;
};

// Results on their way to the host, while the device's queue goes on.
class Mailbox {
  public:
    virtual ~Mailbox() = default;
    // Queues a copy of the device's memory as it is at this place of the queue.
    virtual void post(const void* device, std::size_t bytes) = 0;
    // Waits for all that was posted and empties the box. The first is at the start, each other one at the next multiple of
    // kAlignment after the one before; until the next post().
    virtual const char* collect() = 0;

    static constexpr std::size_t kAlignment = 16;
    static std::size_t size_of(std::size_t bytes) {
        return (bytes + kAlignment - 1) / kAlignment * kAlignment;
    }
};

// Work that is queued as a whole, time and again.
class Recording {
  public:
    virtual ~Recording() = default;
    virtual void replay() = 0;
};

class Device {
  public:
    virtual ~Device() = default;
    Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    // what: "the rows", for the error. Never null. Throws DeviceMemoryError.
    virtual void* allocate(std::size_t bytes, const char* what) = 0;
    virtual void release(void* memory) noexcept = 0;
    // In the order of the queue; the host's memory may be reused or read when the call returns.
    virtual void upload(void* device, const void* host, std::size_t bytes) = 0;
    virtual void download(void* host, const void* device, std::size_t bytes) = 0;
    // rows rows of row_bytes that are stride_bytes apart on the host become contiguous on the device.
    virtual void upload_rows(void* device, const void* host, std::size_t rows, std::size_t row_bytes,
                             std::size_t stride_bytes) = 0;
    // From one place on the device to another.
    virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
    virtual void fill(void* device, int byte, std::size_t bytes) = 0;
    // Waits for all that was queued; throws what it failed with.
    virtual void synchronise() = 0;

    virtual std::unique_ptr<Feed> make_feed() = 0;
    // capacity: the sum of size_of() of what is posted between two calls of collect().
    virtual std::unique_ptr<Mailbox> make_mailbox(std::size_t capacity) = 0;
    // work queues programs, copies on the device and fills; it is called once (or, emulated, whenever it is replayed) and
    // must not wait for them. Their arguments, addresses too, stay what they were.
    virtual std::unique_ptr<Recording> record(std::function<void()> work) = 0;

    virtual bool is_emulated() const = 0;
    // Whether it has the asynchronous matrix units of compute capability 9.0, and this build code for them.
    virtual bool has_wgmma() const = 0;
    virtual std::string name() const = 0;
    virtual std::int64_t free_memory() const = 0;
    // cudaStream_t of the queue; null for the emulation.
    virtual void* queue() const = 0;
    // The device's number among those of its kind.
    virtual int index() const = 0;
};

// Memory of a device, released with this object.
template <typename T>
class DeviceArray {
  public:
    DeviceArray() = default;
    DeviceArray(Device& device, index_t size, const char* what) : device_(&device), size_(size) {
        data_ = static_cast<T*>(device.allocate(bytes() == 0 ? sizeof(T) : bytes(), what));
    }
    DeviceArray(DeviceArray&& other) noexcept { swap(other); }
    DeviceArray& operator=(DeviceArray&& other) noexcept {
        swap(other);
        return *this;
    }
    ~DeviceArray() {
        if (device_ != nullptr) device_->release(data_);
    }

    T* data() { return data_; }
    const T* data() const { return data_; }
    index_t size() const { return size_; }
    std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }

    void upload(const T* host) { device_->upload(data_, host, bytes()); }
    void download(T* host) const { device_->download(host, data_, bytes()); }
    std::vector<T> to_host() const {
        std::vector<T> values(static_cast<std::size_t>(size_));
        download(values.data());
        return values;
    }
    // Sets every byte, so 0 for zeros of any type and 255 for -1 of an integer type.
    void fill_bytes(int byte) { device_->fill(data_, byte, bytes()); }

  private:
    void swap(DeviceArray& other) noexcept {
        std::swap(device_, other.device_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

    Device* device_ = nullptr;
    T* data_ = nullptr;
    index_t size_ = 0;
};

struct DeviceInfo {
    int index = 0;
    std::string name;
    int major = 0, minor = 0;   // compute capability
    int n_processors = 0;       // streaming multiprocessors
    std::int64_t memory = 0;    // bytes
    bool is_supported = false;  // this build has code that the device can run
};

// What this build and this machine offer; never throws.
struct CudaState {
    bool built = false;         // with CUDA
    std::string architectures;  // that the build has code for
    int runtime_version = 0;    // of the runtime linked in, 1000 major + 10 minor
    int driver_version = 0;     // what the driver supports; 0: no driver
    std::vector<DeviceInfo> devices;
    std::string problem;  // why no device can be used; empty: one can
};
CudaState cuda_state();

// "cuda" (the current device), "cuda:N", "emulated" or "emulated:wgmma". Throws DeviceError in a sentence that says what is missing,
// std::invalid_argument for another name.
std::shared_ptr<Device> open_device(const std::string& name);

// Parts of the two above: implemented with CUDA (cuda_device.cu) or without (no_cuda.cpp).
std::shared_ptr<Device> open_cuda_device(int index);
std::shared_ptr<Device> open_emulated_device(bool has_wgmma = false);

}  // namespace coterie::cuda
