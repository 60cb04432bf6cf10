// A block of a device program on the host.
//
// A program is a struct with its arguments as members, kThreads, kSharedBytes and
//     template <typename Block> COTERIE_HOST_DEVICE void operator()(Block& block) const;
// whose body is a sequence of steps of the whole block: each(f) runs f(t) for every thread t, sync() is the barrier,
// PerThread<T> is what a thread keeps in registers from one step to the next. With Block = CudaBlock (block.cuh) that is
// a CUDA kernel: each(f) is f(threadIdx.x). Here it is a loop over the threads.
//
// What the hardware does with several threads at once is emulated from the PTX manual's description of its register
// layouts. What is asynchronous happens as late as the hardware may do it in one block and at once in the next: in even blocks
// copies are withheld until the barrier after their wait, so that a step that reads too early reads what was there before;
// in odd blocks they are made at once, so that one into memory which is still needed is seen, and products are withheld until
// they are waited for. Addresses less aligned than an instruction wants them are an error.
//
// Races: threads go forwards in one step and backwards in the next. In every other block, if its shared memory is small,
// a thread sees what others wrote since the last barrier only after the next one, and two threads that write
// different values to one place between barriers are an error. Programs that update shared memory atomically are exempt: those
// with more of it, and those that say so by a member kHasSharedAtomics.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

#include "core/types.hpp"
#include "cuda/device.hpp"

namespace coterie::cuda {

// One thread's registers of mma.m16n8k16 (row-major A, column-major B): d += a b in float32.
struct MmaRegisters {
    float* d;                // [4]
    const std::uint32_t* a;  // [4] pairs of bfloat16
    const std::uint32_t* b;  // [2]
};

// One thread's part of ldmatrix.x4: the address of one of 32 rows of 8 elements, and its four registers.
struct LoadMatrices {
    const std::uint16_t* row;
    std::uint32_t* out;
};

// One thread's part of wgmma.m64n128k16 (A and B row-major by K in shared memory): its accumulators, d += a b in float32, and
// the matrix descriptors, the same in all threads of a warpgroup.
struct WgmmaRegisters {
    float* d;  // [64]
    std::uint64_t a, b;
};

inline constexpr int kWarp = 32, kWarpgroup = 128;

class EmulatedBlock {
  public:
    EmulatedBlock(index_t block, index_t n_blocks, int n_threads, std::size_t shared_bytes, bool isolate)
        : block_(block),
          n_blocks_(n_blocks),
          n_threads_(n_threads),
          shared_(shared_bytes / 16 + 1),
          copies_at_once_(block % 2 == 1),
          isolated_(isolate && block % 2 == 0 && shared_bytes > 0 && shared_bytes <= kMostIsolated) {
        std::memset(shared_.data(), 0xFF, shared_.size() * sizeof(Chunk));
        if (!isolated_) return;
        at_barrier_ = shared_;
        written_.resize(static_cast<std::size_t>(n_threads));
    }

    template <typename T>
    class PerThread {
      public:
        explicit PerThread(EmulatedBlock& block, T value = T{})
            : values_(static_cast<std::size_t>(block.n_threads_), value) {}
        T& operator()(int t) { return values_[static_cast<std::size_t>(t)]; }

      private:
        std::vector<T> values_;
    };

    index_t block() const { return block_; }
    index_t n_blocks() const { return n_blocks_; }
    // The block's shared memory from this byte on, a multiple of 16.
    template <typename T>
    T* shared(std::size_t byte) {
        return reinterpret_cast<T*>(reinterpret_cast<char*>(shared_.data()) + byte);
    }

    template <typename F>
    void each(const F& f) {
        const bool forwards = n_steps_++ % 2 == 0;
        for (int i = 0; i < n_threads_; ++i) {
            const int t = forwards ? i : n_threads_ - 1 - i;
            if (isolated_) show_memory_to(t);
            f(t);
            if (isolated_) note_writes_of(t);
        }
        if (isolated_) shared_ = at_barrier_;
    }
    void sync() {
        if (isolated_) join_writes();
        for (const Copy& copy : arrived_) std::memcpy(copy.to, copy.from, sizeof(Chunk));
        arrived_.clear();
        if (isolated_) at_barrier_ = shared_;
    }

    // 16 bytes from global to shared memory, both aligned to 16; part of the group that commit_copies() closes.
    void copy_async(void* shared, const void* global) {
        check_aligned(shared);
        check_aligned(global);
        if (copies_at_once_) {
            std::memcpy(shared, global, sizeof(Chunk));
        } else {
            open_.push_back({shared, global});
        }
    }
    void commit_copies() {
        groups_.push_back(std::move(open_));
        open_.clear();
    }
    // Until at most kPending of the latest groups are under way; the barrier makes the others visible to all threads.
    template <int kPending>
    void wait_copies() {
        while (groups_.size() > kPending) {
            arrived_.insert(arrived_.end(), groups_.front().begin(), groups_.front().end());
            groups_.pop_front();
        }
    }

    // registers(t) -> LoadMatrices: register i of lane t gets elements 2 (t % 4), 2 (t % 4) + 1 of row t / 4 of matrix
    // i, whose eight rows are those of lanes 8 i .. 8 i + 7.
    template <typename F>
    void load_matrices(const F& registers) {
        for (int warp = 0; warp < n_threads_; warp += kWarp) {
            LoadMatrices lanes[kWarp];
            for (int l = 0; l < kWarp; ++l) {
                lanes[l] = registers(warp + l);
                check_aligned(lanes[l].row);
            }
            for (int l = 0; l < kWarp; ++l)
                for (int i = 0; i < 4; ++i)
                    std::memcpy(&lanes[l].out[i], lanes[8 * i + l / 4].row + 2 * (l % 4),
                                sizeof(std::uint32_t));
        }
    }

    // registers(t) -> MmaRegisters, of every lane of every warp.
    template <typename F>
    void mma(const F& registers) {
        for (int warp = 0; warp < n_threads_; warp += kWarp) {
            MmaRegisters lanes[kWarp];
            for (int l = 0; l < kWarp; ++l) lanes[l] = registers(warp + l);
            emulate_mma(lanes);
        }
    }

    // Asynchronous products: in odd blocks what was committed happens when it is waited for.
    std::uint64_t shared_address(std::size_t byte) const { return byte; }
    void show_copies_to_wgmma() {}
    void fence_wgmma() {}
    template <typename F>
    void hold_wgmma(const F&) {}
    template <typename F>
    void wgmma(const F& registers) {
        for (int group = 0; group < n_threads_; group += kWarpgroup) {
            Product product;
            for (int l = 0; l < kWarpgroup; ++l) product.lanes[l] = registers(group + l);
            if (copies_at_once_) {
                open_products_.push_back(product);
            } else {
                emulate_wgmma(product.lanes);
            }
        }
    }
    void commit_wgmma() {
        products_.push_back(std::move(open_products_));
        open_products_.clear();
    }
    template <int kPending>
    void wait_wgmma() {
        while (products_.size() > kPending) {
            for (const Product& product : products_.front()) emulate_wgmma(product.lanes);
            products_.pop_front();
        }
    }

  private:
    struct Product {
        WgmmaRegisters lanes[kWarpgroup];
    };
    struct alignas(16) Chunk {
        char bytes[16];
    };
    struct Copy {
        void* to;
        const void* from;
    };
    struct Write {
        std::size_t byte;
        unsigned char value;
    };
    static constexpr std::size_t kMostIsolated = 16384;

    static void check_aligned(const void* address);
    static unsigned char* bytes(std::vector<Chunk>& memory) {
        return reinterpret_cast<unsigned char*>(memory.data());
    }
    void show_memory_to(int t);
    void note_writes_of(int t);
    void join_writes();
    static void emulate_mma(const MmaRegisters (&lanes)[kWarp]);
    void emulate_wgmma(const WgmmaRegisters (&lanes)[kWarpgroup]);
    float element(std::uint64_t descriptor, int row, int column);

    index_t block_, n_blocks_;
    int n_threads_;
    std::vector<Chunk> shared_;
    bool copies_at_once_;  // and products late
    bool isolated_;
    index_t n_steps_ = 0;
    std::vector<Chunk> at_barrier_;            // the shared memory as of the last barrier
    std::vector<std::vector<Write>> written_;  // by each thread since then
    std::vector<Copy> open_, arrived_;
    std::deque<std::vector<Copy>> groups_;
    std::vector<Product> open_products_;
    std::deque<std::vector<Product>> products_;
};

// Runs a program as a grid of n_blocks, the last block first.
template <typename Program>
void emulate(Device&, const Program& program, index_t n_blocks) {
    for (index_t b = n_blocks - 1; b >= 0; --b) {
        constexpr bool kIsolate = !requires { Program::kHasSharedAtomics; };
        EmulatedBlock block(b, n_blocks, Program::kThreads, Program::kSharedBytes, kIsolate);
        program(block);
    }
}

}  // namespace coterie::cuda
