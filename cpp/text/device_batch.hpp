// A batch of documents on its way through the programs that count its terms.
#pragma once

#include <bit>

#include "core/check.hpp"
#include "text/device_count.hpp"

namespace coterie::text {

inline int bits_for(std::int64_t largest) {
    return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(largest)));
}

inline index_t grid(index_t n) {
    return ceil_div(n, device::kTextThreads);
}

template <typename T>
cuda::DeviceArray<T> on_device(cuda::Device& device, const T* values, std::size_t n, const char* what) {
    cuda::DeviceArray<T> array(device, static_cast<index_t>(n), what);
    array.upload(values);
    return array;
}

template <typename T>
cuda::DeviceArray<T> on_device(cuda::Device& device, const std::vector<T>& values, const char* what) {
    return on_device(device, values.data(), values.size(), what);
}

template <typename T>
T last_of(cuda::Device& device, const cuda::DeviceArray<T>& array) {
    T value{};
    device.download(&value, array.data() + array.size() - 1, sizeof value);
    return value;
}

// The text of a batch on its way through the programs, and its words as they come.
struct DeviceTermCounter::OnDevice {
    index_t n_bytes = 0, n_tokens = 0, n_documents = 0;
    cuda::DeviceArray<std::int64_t> begin;
    cuda::DeviceArray<std::int32_t> document;
    cuda::DeviceArray<std::uint32_t> marked;
    cuda::DeviceArray<std::uint8_t> lower, kind;
    cuda::DeviceArray<device::Token> tokens;
    cuda::DeviceArray<std::uint64_t> hashes;
    cuda::DeviceArray<std::uint32_t> order;

    device::Segments segments() { return {begin.data(), document.data(), marked.data(), begin.size()}; }
};

// The terms of one length: by place of the words that are counted, the number of the term that begins there.
struct DeviceTermCounter::Runs {
    index_t n = 0;                            // terms
    index_t n_found = 0;                      // occurrences
    cuda::DeviceArray<std::uint32_t> number;  // [places]
    cuda::DeviceArray<std::uint32_t> place;   // [n]
    cuda::DeviceArray<std::uint64_t> key;     // [n]
    cuda::DeviceArray<std::int64_t>
        before;  // [places + 1] n-grams that begin before a place; empty for words
};

// The words of a batch that are no stop words, document by document.
struct DeviceTermCounter::Words {
    index_t n = 0;
    cuda::DeviceArray<std::uint32_t> word;
    cuda::DeviceArray<std::int32_t> document;
};

// Occurrences of terms that are counted.
struct DeviceTermCounter::Pairs {
    index_t n = 0;
    cuda::DeviceArray<std::uint64_t> pairs;
    std::vector<TermId> ids;
};

}  // namespace coterie::text
