// The rows of texts in a device's memory, filled batch by batch from what a model left there.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "cuda/device.hpp"
#include "encode/finish_rows.hpp"

namespace coterie::encode {

class DeviceEmbeddings {
  public:
    // All zero. Throws cuda::DeviceError.
    DeviceEmbeddings(std::shared_ptr<cuda::Device> device, index_t n_rows, index_t n_columns);

    // Row places[i] gets text i of the batch. found.values must lie on this device, written by work that is over, and may be
    // released when the call returns. From any thread. poolings: empty where the model has pooled.
    void put(const ModelOutput& found, const std::int64_t* lengths, const std::int64_t* places,
             const std::vector<Pooling>& poolings, bool normalise);
    // Row to[i] becomes row from[i]; no row is in both. [n] on the host.
    void repeat(const std::int64_t* from, const std::int64_t* to, index_t n);
    // out: [n_rows][n_columns] on the host.
    void download(float* out) const { rows_.download(out); }

    float* data() { return rows_.data(); }
    index_t n_rows() const { return n_rows_; }
    index_t n_columns() const { return n_columns_; }
    cuda::Device& device() const { return *device_; }

  private:
    // Two lists of row numbers on the device, one behind the other; until the next call.
    const std::int64_t* send(const std::int64_t* first, const std::int64_t* second, index_t n);
    void check_rows(const std::int64_t* numbers, index_t n, const char* name) const;

    std::shared_ptr<cuda::Device> device_;
    index_t n_rows_, n_columns_;
    cuda::DeviceArray<float> rows_;
    std::mutex mutex_;
    cuda::DeviceArray<std::int64_t> lists_;
};

}  // namespace coterie::encode
