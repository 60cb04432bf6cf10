#include "core/large_vector.hpp"

#include <sys/mman.h>

#include <cstdint>

namespace coterie {
namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

std::size_t whole_pages(std::size_t bytes) {
    return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

}  // namespace

void* map_zeros(std::size_t bytes) {
    // One page more than needed, so that whole ones fit; the ends go back.
    const std::size_t wanted = whole_pages(bytes), mapped = wanted + kHugePage;
    if (mapped < bytes) throw std::bad_alloc();
    void* const memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    auto* const first = static_cast<std::uint8_t*>(memory);
    const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(first) % kHugePage) % kHugePage;
    if (before > 0) munmap(first, before);
    munmap(first + before + wanted, kHugePage - before);
#ifdef MADV_HUGEPAGE
    madvise(first + before, wanted, MADV_HUGEPAGE);  // a hint: refused, it costs time only
#endif
    return first + before;
}

void unmap_zeros(void* memory, std::size_t bytes) noexcept {
    munmap(memory, whole_pages(bytes));
}

}  // namespace coterie
