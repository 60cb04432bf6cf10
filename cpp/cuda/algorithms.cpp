#include "cuda/algorithms.hpp"

#include <algorithm>
#include <numeric>

namespace coterie::cuda {
namespace {

std::uint64_t low_bits(int n_bits) {
    return n_bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n_bits) - 1;
}

}  // namespace

void sort_pairs(Device& device, DeviceArray<std::uint64_t>& keys, DeviceArray<std::uint32_t>& values,
                index_t n, int n_bits) {
    if (n == 0) return;
    if (!device.is_emulated()) return cuda_sort_pairs(device, keys, values, n, n_bits);
    std::vector<std::size_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), std::size_t{0});
    const std::uint64_t mask = low_bits(n_bits);
    const std::vector<std::uint64_t> key = keys.to_host();
    const std::vector<std::uint32_t> value = values.to_host();
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return (key[a] & mask) < (key[b] & mask); });
    for (std::size_t i = 0; i < order.size(); ++i) {
        keys.data()[i] = key[order[i]];
        values.data()[i] = value[order[i]];
    }
}

void sort_keys(Device& device, DeviceArray<std::uint64_t>& keys, index_t n, int n_bits) {
    if (n == 0) return;
    if (!device.is_emulated()) return cuda_sort_keys(device, keys, n, n_bits);
    const std::uint64_t mask = low_bits(n_bits);
    std::stable_sort(keys.data(), keys.data() + n,
                     [&](std::uint64_t a, std::uint64_t b) { return (a & mask) < (b & mask); });
}

void running_sum(Device& device, const std::uint32_t* in, std::int64_t* out, index_t n) {
    if (!device.is_emulated()) return cuda_running_sum(device, in, out, n);
    std::int64_t sum = 0;
    for (index_t i = 0; i < n; ++i) {
        out[i] = sum;
        sum += in[i];
    }
    out[n] = sum;
}

}  // namespace coterie::cuda
