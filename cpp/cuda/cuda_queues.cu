#include <algorithm>
#include <cstring>
#include <string>

#include "core/parallel.hpp"
#include "cuda/queues.cuh"

namespace coterie::cuda {
namespace {

constexpr std::size_t kStagingBytes = std::size_t{16} << 20;

// Bytes begin .. end of rows that are stride_bytes apart, by all cores: one core copies slower than the bus.
void gather(char* out, const void* host, std::size_t begin, std::size_t end, std::size_t row_bytes,
            std::size_t stride_bytes) {
    constexpr index_t kBytesPerTask = 1 << 20;
    const auto size = static_cast<index_t>(end - begin);
    parallel_for_rows(size, kBytesPerTask, 0, [&](index_t from, index_t to, int) {
        std::size_t at = begin + static_cast<std::size_t>(from);
        const std::size_t last = begin + static_cast<std::size_t>(to);
        while (at < last) {
            const std::size_t row = at / row_bytes, column = at % row_bytes;
            const std::size_t n = std::min(row_bytes - column, last - at);
            std::memcpy(out + (at - begin), static_cast<const char*>(host) + row * stride_bytes + column, n);
            at += n;
        }
    });
}

class CudaFeed final : public Feed {
  public:
    CudaFeed(int device, cudaStream_t queue)
        : device_(device), queue_(queue), stream_(make_stream("the queue of uploads")), sent_(make_event()) {}

    void send_rows(void* device, const void* host, std::size_t rows, std::size_t row_bytes,
                   std::size_t stride_bytes) override {
        const UseDevice use(device_);
        staging_.send_rows(stream_.get(), device, host, rows, row_bytes, stride_bytes);
    }
    void arrive() override {
        const UseDevice use(device_);
        check_cuda(cudaEventRecord(sent_.get(), stream_.get()), "cudaEventRecord");
        check_cuda(cudaStreamWaitEvent(queue_, sent_.get(), 0), "cudaStreamWaitEvent");
    }

  private:
    int device_;
    cudaStream_t queue_;
    Stream stream_;
    Event sent_;
    Staging staging_;  // waits for its copies before the stream goes
};

class CudaMailbox final : public Mailbox {
  public:
    CudaMailbox(int device, cudaStream_t queue, std::size_t capacity)
        : device_(device),
          queue_(queue),
          capacity_(capacity),
          posted_(make_event()),
          memory_(make_pinned(std::max<std::size_t>(capacity, kAlignment), "pinned memory for results")) {}
    ~CudaMailbox() override { cudaEventSynchronize(posted_.get()); }  // a copy may be on its way

    void post(const void* device, std::size_t bytes) override {
        if (size_of(bytes) > capacity_ - used_)
            throw DeviceError("a mailbox of " + std::to_string(capacity_) + " bytes is full");
        if (bytes == 0) return;
        const UseDevice use(device_);
        check_cuda(cudaMemcpyAsync(memory_.get() + used_, device, bytes, cudaMemcpyDeviceToHost, queue_),
                   "copy to the host");
        check_cuda(cudaEventRecord(posted_.get(), queue_), "cudaEventRecord");
        used_ += size_of(bytes);
    }
    const char* collect() override {
        const UseDevice use(device_);
        check_cuda(cudaEventSynchronize(posted_.get()), "work on the device");
        used_ = 0;
        return memory_.get();
    }

  private:
    int device_;
    cudaStream_t queue_;
    std::size_t capacity_, used_ = 0;
    Event posted_;
    Pinned memory_;
};

// Ends a capture that its work did not get through.
class Capture {
  public:
    explicit Capture(cudaStream_t queue) : queue_(queue) {
        check_cuda(cudaStreamBeginCapture(queue_, cudaStreamCaptureModeThreadLocal),
                   "cudaStreamBeginCapture");
    }
    ~Capture() {
        if (ended_) return;
        cudaGraph_t partial = nullptr;
        cudaStreamEndCapture(queue_, &partial);
        if (partial != nullptr) cudaGraphDestroy(partial);
        cudaGetLastError();
    }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    Graph end() {
        cudaGraph_t whole = nullptr;
        ended_ = true;
        check_cuda(cudaStreamEndCapture(queue_, &whole), "cudaStreamEndCapture");
        return Graph(whole);
    }

  private:
    cudaStream_t queue_;
    bool ended_ = false;
};

class Redirect {
  public:
    Redirect(cudaStream_t& recorded, cudaStream_t to) : recorded_(recorded) { recorded_ = to; }
    ~Redirect() { recorded_ = nullptr; }
    Redirect(const Redirect&) = delete;
    Redirect& operator=(const Redirect&) = delete;

  private:
    cudaStream_t& recorded_;
};

class CudaRecording final : public Recording {
  public:
    CudaRecording(int device, cudaStream_t queue, cudaStream_t& recorded, const std::function<void()>& work)
        : device_(device), queue_(queue) {
        const UseDevice use(device_);
        const Stream own = make_stream("the queue of a recording");
        Capture capture(own.get());
        const Redirect redirect(recorded, own.get());
        work();
        const Graph graph = capture.end();
        cudaGraphExec_t program = nullptr;
        check_cuda(cudaGraphInstantiate(&program, graph.get(), 0), "cudaGraphInstantiate");
        program_.reset(program);
    }
    // A replay may be under way where the loop was given up; a graph is destroyed after it.
    ~CudaRecording() override { cudaStreamSynchronize(queue_); }
    void replay() override {
        const UseDevice use(device_);
        check_cuda(cudaGraphLaunch(program_.get(), queue_), "cudaGraphLaunch");
    }

  private:
    int device_;
    cudaStream_t queue_;
    GraphExec program_;
};

}  // namespace

Staging::Staging() {
    for (Block& block : blocks_) {
        block.memory = make_pinned(kStagingBytes, "pinned memory for uploads");
        block.left = make_event();
    }
}

Staging::~Staging() {
    for (const Block& block : blocks_) cudaEventSynchronize(block.left.get());
}

void Staging::send_rows(cudaStream_t stream, void* device, const void* host, std::size_t rows,
                        std::size_t row_bytes, std::size_t stride_bytes) {
    const std::size_t bytes = rows * row_bytes;
    for (std::size_t begin = 0; begin < bytes; begin += kStagingBytes, ++turn_) {
        const Block& block = blocks_[turn_ % 2];
        const std::size_t end = std::min(bytes, begin + kStagingBytes);
        check_cuda(cudaEventSynchronize(block.left.get()), "waiting for a copy to the device");
        gather(block.memory.get(), host, begin, end, row_bytes, stride_bytes);
        check_cuda(cudaMemcpyAsync(static_cast<char*>(device) + begin, block.memory.get(), end - begin,
                                   cudaMemcpyHostToDevice, stream),
                   "copy to the device");
        check_cuda(cudaEventRecord(block.left.get(), stream), "cudaEventRecord");
    }
}

std::unique_ptr<Feed> make_cuda_feed(int device, cudaStream_t queue) {
    const UseDevice use(device);
    return std::make_unique<CudaFeed>(device, queue);
}

std::unique_ptr<Mailbox> make_cuda_mailbox(int device, cudaStream_t queue, std::size_t capacity) {
    const UseDevice use(device);
    return std::make_unique<CudaMailbox>(device, queue, capacity);
}

std::unique_ptr<Recording> record_on_cuda(int device, cudaStream_t queue, cudaStream_t& recorded,
                                          const std::function<void()>& work) {
    return std::make_unique<CudaRecording>(device, queue, recorded, work);
}

}  // namespace coterie::cuda
