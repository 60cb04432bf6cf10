// What passes between the host and a CUDA device beside its queue of work.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "cuda/device.hpp"
#include "cuda/owned.cuh"

namespace coterie::cuda {

// Pageable memory passes through two pinned blocks: one is filled while the other is copied.
class Staging {
  public:
    Staging();
    ~Staging();
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    // As Device::upload_rows, on this stream; host may be reused when the call returns.
    void send_rows(cudaStream_t stream, void* device, const void* host, std::size_t rows,
                   std::size_t row_bytes, std::size_t stride_bytes);

  private:
    struct Block {
        Event left;  // when its last copy has left it
        Pinned memory;
    };
    Block blocks_[2];
    std::size_t turn_ = 0;
};

std::unique_ptr<Feed> make_cuda_feed(int device, cudaStream_t queue);
std::unique_ptr<Mailbox> make_cuda_mailbox(int device, cudaStream_t queue, std::size_t capacity);
// work is called while `recorded` is the queue that it must use: a queue of this recording alone, so that what other
// threads queue on the device meanwhile does not become part of it.
std::unique_ptr<Recording> record_on_cuda(int device, cudaStream_t queue, cudaStream_t& recorded,
                                          const std::function<void()>& work);

}  // namespace coterie::cuda
