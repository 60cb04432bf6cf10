// The host as a device: memory filled with a pattern that no program may come to read.
#include <cstdlib>
#include <cstring>

#include "cuda/device.hpp"

namespace coterie::cuda {
namespace {

constexpr int kPattern = 0xFF;  // a NaN as float and double, -1 as an integer
constexpr std::size_t kAlignment = 256;

// A feed that is late: memory keeps the pattern until the queue waits for it.
class EmulatedFeed final : public Feed {
  public:
    void send_rows(void* device, const void* host, std::size_t rows, std::size_t row_bytes,
                   std::size_t stride_bytes) override {
        Parcel parcel{static_cast<char*>(device), std::vector<char>(rows * row_bytes)};
        if (parcel.bytes.empty()) return;
        for (std::size_t i = 0; i < rows; ++i)
            std::memcpy(parcel.bytes.data() + i * row_bytes,
                        static_cast<const char*>(host) + i * stride_bytes, row_bytes);
        std::memset(parcel.to, kPattern, parcel.bytes.size());
        parcels_.push_back(std::move(parcel));
    }
    void arrive() override {
        for (const Parcel& parcel : parcels_)
            std::memcpy(parcel.to, parcel.bytes.data(), parcel.bytes.size());
        parcels_.clear();
    }

  private:
    struct Parcel {
        char* to;
        std::vector<char> bytes;
    };
    std::vector<Parcel> parcels_;
};

class EmulatedMailbox final : public Mailbox {
  public:
    explicit EmulatedMailbox(std::size_t capacity) : bytes_(capacity) {}
    void post(const void* device, std::size_t bytes) override {
        if (size_of(bytes) > bytes_.size() - used_)
            throw std::logic_error("a mailbox of " + std::to_string(bytes_.size()) + " bytes is full");
        if (bytes > 0) std::memcpy(bytes_.data() + used_, device, bytes);
        used_ += size_of(bytes);
    }
    const char* collect() override {
        used_ = 0;
        return bytes_.data();
    }

  private:
    std::vector<char> bytes_;
    std::size_t used_ = 0;
};

class EmulatedRecording final : public Recording {
  public:
    explicit EmulatedRecording(std::function<void()> work) : work_(std::move(work)) {}
    void replay() override { work_(); }

  private:
    std::function<void()> work_;
};

class EmulatedDevice final : public Device {
  public:
    explicit EmulatedDevice(bool has_wgmma) : has_wgmma_(has_wgmma) {}
    void* allocate(std::size_t bytes, const char* what) override {
        const std::size_t whole = (bytes + kAlignment - 1) / kAlignment * kAlignment;
        void* const memory = std::aligned_alloc(kAlignment, whole);
        if (memory == nullptr)
            throw DeviceMemoryError("no memory for " + std::to_string(bytes) + " bytes of " + what);
        std::memset(memory, kPattern, whole);
        return memory;
    }
    void release(void* memory) noexcept override { std::free(memory); }
    void upload(void* device, const void* host, std::size_t bytes) override {
        if (bytes > 0) std::memcpy(device, host, bytes);
    }
    void download(void* host, const void* device, std::size_t bytes) override {
        if (bytes > 0) std::memcpy(host, device, bytes);
    }
    void upload_rows(void* device, const void* host, std::size_t rows, std::size_t row_bytes,
                     std::size_t stride_bytes) override {
        for (std::size_t i = 0; i < rows && row_bytes > 0; ++i)
            std::memcpy(static_cast<char*>(device) + i * row_bytes,
                        static_cast<const char*>(host) + i * stride_bytes, row_bytes);
    }
    void copy(void* to, const void* from, std::size_t bytes) override { std::memmove(to, from, bytes); }
    void fill(void* device, int byte, std::size_t bytes) override { std::memset(device, byte, bytes); }
    void synchronise() override {}
    std::unique_ptr<Feed> make_feed() override { return std::make_unique<EmulatedFeed>(); }
    std::unique_ptr<Mailbox> make_mailbox(std::size_t capacity) override {
        return std::make_unique<EmulatedMailbox>(capacity);
    }
    std::unique_ptr<Recording> record(std::function<void()> work) override {
        return std::make_unique<EmulatedRecording>(std::move(work));
    }

    bool is_emulated() const override { return true; }
    bool has_wgmma() const override { return has_wgmma_; }
    std::string name() const override {
        return has_wgmma_ ? "emulation of a CUDA device with wgmma on the host"
                          : "emulation of a CUDA device on the host";
    }
    std::int64_t free_memory() const override { return std::int64_t{1} << 40; }
    void* queue() const override { return nullptr; }
    int index() const override { return 0; }

  private:
    bool has_wgmma_;
};

}  // namespace

std::shared_ptr<Device> open_emulated_device(bool has_wgmma) {
    return std::make_shared<EmulatedDevice>(has_wgmma);
}

}  // namespace coterie::cuda
