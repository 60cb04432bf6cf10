// Preloaded: operator new, which fails at the n-th call from a given range of code. Counts the blocks that live.
//
// Blocks of less than kLeast bytes never fail: pybind11 keeps one for each Python object of a class of ours, 24 bytes that
// it asks for outside of any try.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uintptr_t> code_begin{0}, code_end{0};
std::atomic<long> until_failure{-1}, calls{0}, living{0};

constexpr std::size_t kLeast = 32;

bool fails(std::size_t size, void* caller) {
    if (size < kLeast) return false;
    const auto at = reinterpret_cast<std::uintptr_t>(caller);
    if (at < code_begin || at >= code_end) return false;
    ++calls;
    return until_failure >= 0 && until_failure-- == 0;
}

void* block(std::size_t size, std::size_t alignment, void* caller) {
    if (fails(size, caller)) return nullptr;
    if (size == 0) size = 1;
    void* const p = alignment == 0 ? std::malloc(size)
                                   : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (p != nullptr) ++living;
    return p;
}

void* block_or_throw(std::size_t size, std::size_t alignment, void* caller) {
    if (void* const p = block(size, alignment, caller)) return p;
    throw std::bad_alloc();
}

void give_back(void* p) {
    if (p != nullptr) --living;
    std::free(p);
}

}  // namespace

// The n-th call from [begin, end) from now on fails, counted from 0; none when n < 0.
extern "C" void fail_at(long n, std::uintptr_t begin, std::uintptr_t end) {
    code_begin = begin;
    code_end = end;
    calls = 0;
    until_failure = n;
}
extern "C" long calls_made() { return calls; }
extern "C" long blocks_living() { return living; }

void* operator new(std::size_t n) { return block_or_throw(n, 0, __builtin_return_address(0)); }
void* operator new[](std::size_t n) { return block_or_throw(n, 0, __builtin_return_address(0)); }
void* operator new(std::size_t n, std::align_val_t a) {
    return block_or_throw(n, static_cast<std::size_t>(a), __builtin_return_address(0));
}
void* operator new[](std::size_t n, std::align_val_t a) {
    return block_or_throw(n, static_cast<std::size_t>(a), __builtin_return_address(0));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
    return block(n, 0, __builtin_return_address(0));
}
void operator delete(void* p) noexcept { give_back(p); }
void operator delete[](void* p) noexcept { give_back(p); }
void operator delete(void* p, std::size_t) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t) noexcept { give_back(p); }
void operator delete(void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { give_back(p); }
