// Memory of large tables and results, asked for in huge pages: with 4 KiB pages, filling fresh memory costs more in page
// faults than in stores, and nearly every probe of a table of tens of megabytes also misses the TLB.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace coterie {

template <typename T>
struct HugePageAllocator {
    using value_type = T;
    static constexpr std::size_t kPage = std::size_t{1} << 21;
    static constexpr std::align_val_t kLine{64};  // of the caches

    HugePageAllocator() = default;
    template <typename U>
    HugePageAllocator(const HugePageAllocator<U>&) {}

    T* allocate(std::size_t n) {
        const std::size_t bytes = n * sizeof(T);
        if (bytes < 2 * kPage) return static_cast<T*>(::operator new(bytes, kLine));
        void* const memory = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
        if (memory == nullptr) throw std::bad_alloc();
#ifdef __linux__
        madvise(memory, bytes, MADV_HUGEPAGE);  // a hint: refused, it costs time only
#endif
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t n) {
        n * sizeof(T) < 2 * kPage ? ::operator delete(memory, kLine) : std::free(memory);
    }

    // Elements that are not given a value are left uninitialised: large results are written by all threads at once.
    template <typename U>
    void construct(U* p) {
        ::new (static_cast<void*>(p)) U;
    }
    template <typename U, typename... Args>
    void construct(U* p, Args&&... args) {
        ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
    }

    template <typename U>
    bool operator==(const HugePageAllocator<U>&) const {
        return true;
    }
};

// Slots and tallies have default member values, so that only plain numbers stay uninitialised.
template <typename T>
using LargeVector = std::vector<T, HugePageAllocator<T>>;

// From this many bytes on, zeros come from the system in whole huge pages.
inline constexpr std::size_t kLargeZeros = std::size_t{1} << 22;

void* map_zeros(std::size_t bytes);  // throws std::bad_alloc
void unmap_zeros(void* memory, std::size_t bytes) noexcept;

template <typename T>
struct ZeroPageAllocator : HugePageAllocator<T> {
    ZeroPageAllocator() = default;
    template <typename U>
    ZeroPageAllocator(const ZeroPageAllocator<U>&) {}
    template <typename U>
    struct rebind {
        using other = ZeroPageAllocator<U>;
    };

    T* allocate(std::size_t n) {
        const std::size_t bytes = n * sizeof(T);
        if (bytes >= kLargeZeros) return static_cast<T*>(map_zeros(bytes));
        T* const memory = HugePageAllocator<T>::allocate(n);
        std::fill(memory, memory + n, T{});
        return memory;
    }
    void deallocate(T* memory, std::size_t n) {
        const std::size_t bytes = n * sizeof(T);
        bytes >= kLargeZeros ? unmap_zeros(memory, bytes) : HugePageAllocator<T>::deallocate(memory, n);
    }
};

// LargeZeros<T>(n): n zeros (numbers only). The thread that touches a page first has it cleared, and a page that nobody touches
// costs nothing.
template <typename T>
using LargeZeros = std::vector<T, ZeroPageAllocator<T>>;

}  // namespace coterie
