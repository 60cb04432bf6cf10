#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>

#include "cuda/algorithms.hpp"
#include "cuda/owned.cuh"

namespace coterie::cuda {
namespace {

// CUB is asked twice: for the bytes of its scratch, and to work.
template <typename Call>
void with_scratch(Device& device, const char* what, const Call& call) {
    const UseDevice use(device.index());
    std::size_t bytes = 0;
    check_cuda(call(nullptr, bytes), what);
    DeviceArray<char> scratch(device, static_cast<index_t>(bytes), "scratch of a sort or sum");
    check_cuda(call(scratch.data(), bytes), what);
}

cudaStream_t queue_of(Device& device) {
    return static_cast<cudaStream_t>(device.queue());
}

struct Add {
    __host__ __device__ std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a + b; }
};

}  // namespace

void cuda_sort_pairs(Device& device, DeviceArray<std::uint64_t>& keys, DeviceArray<std::uint32_t>& values,
                     index_t n, int n_bits) {
    DeviceArray<std::uint64_t> other_keys(device, keys.size(), "keys being sorted");
    DeviceArray<std::uint32_t> other_values(device, values.size(), "values being sorted");
    cub::DoubleBuffer<std::uint64_t> key(keys.data(), other_keys.data());
    cub::DoubleBuffer<std::uint32_t> value(values.data(), other_values.data());
    with_scratch(device, "sort of pairs", [&](void* scratch, std::size_t& bytes) {
        return cub::DeviceRadixSort::SortPairs(scratch, bytes, key, value, n, 0, n_bits, queue_of(device));
    });
    if (key.Current() != keys.data()) keys = std::move(other_keys);
    if (value.Current() != values.data()) values = std::move(other_values);
}

void cuda_sort_keys(Device& device, DeviceArray<std::uint64_t>& keys, index_t n, int n_bits) {
    DeviceArray<std::uint64_t> other(device, keys.size(), "keys being sorted");
    cub::DoubleBuffer<std::uint64_t> key(keys.data(), other.data());
    with_scratch(device, "sort of keys", [&](void* scratch, std::size_t& bytes) {
        return cub::DeviceRadixSort::SortKeys(scratch, bytes, key, n, 0, n_bits, queue_of(device));
    });
    if (key.Current() != keys.data()) keys = std::move(other);
}

void cuda_running_sum(Device& device, const std::uint32_t* in, std::int64_t* out, index_t n) {
    const UseDevice use(device.index());
    check_cuda(cudaMemsetAsync(out, 0, sizeof(std::int64_t), queue_of(device)), "cudaMemset");
    if (n == 0) return;
    with_scratch(device, "running sum", [&](void* scratch, std::size_t& bytes) {
        return cub::DeviceScan::InclusiveScanInit(scratch, bytes, in, out + 1, Add{}, std::int64_t{0}, n,
                                                  queue_of(device));
    });
}

}  // namespace coterie::cuda
