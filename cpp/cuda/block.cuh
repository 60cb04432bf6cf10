// A block of a device program as a CUDA kernel; see emulated_block.hpp for what a program is.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "cuda/check_cuda.cuh"
#include "cuda/emulated_block.hpp"
#include "cuda/owned.cuh"

namespace coterie::cuda {

class CudaBlock {
  public:
    __device__ explicit CudaBlock(char* shared) : shared_(shared) {}

    template <typename T>
    class PerThread {
      public:
        __device__ explicit PerThread(CudaBlock&, T value = T{}) : value_(value) {}
        __device__ T& operator()(int) { return value_; }

      private:
        T value_;
    };

    __device__ index_t block() const { return blockIdx.x; }
    __device__ index_t n_blocks() const { return gridDim.x; }
    template <typename T>
    __device__ T* shared(std::size_t byte) {
        return reinterpret_cast<T*>(shared_ + byte);
    }

    template <typename F>
    __device__ __forceinline__ void each(const F& f) {
        f(static_cast<int>(threadIdx.x));
    }
    __device__ void sync() { __syncthreads(); }

    __device__ void copy_async(void* shared, const void* global) {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address(shared)), "l"(global)
                     : "memory");
    }
    __device__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
    template <int kPending>
    __device__ void wait_copies() {
        asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
    }

    template <typename F>
    __device__ __forceinline__ void load_matrices(const F& registers) {
        const LoadMatrices r = registers(static_cast<int>(threadIdx.x));
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r.out[0]), "=r"(r.out[1]), "=r"(r.out[2]), "=r"(r.out[3])
                     : "r"(address(r.row))
                     : "memory");
    }
    template <typename F>
    __device__ __forceinline__ void mma(const F& registers) {
        const MmaRegisters r = registers(static_cast<int>(threadIdx.x));
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, "
            "%9}, {%0, %1, %2, %3};"
            : "+f"(r.d[0]), "+f"(r.d[1]), "+f"(r.d[2]), "+f"(r.d[3])
            : "r"(r.a[0]), "r"(r.a[1]), "r"(r.a[2]), "r"(r.a[3]), "r"(r.b[0]), "r"(r.b[1]));
    }

  private:
    __device__ static unsigned address(const void* shared) {
        return static_cast<unsigned>(__cvta_generic_to_shared(shared));
    }

    char* shared_;
};

template <typename Program>
__global__ void __launch_bounds__(Program::kThreads) run_program(const __grid_constant__ Program program) {
    extern __shared__ __align__(128) char shared[];
    CudaBlock block(shared);
    program(block);
}

// Queues a program as a grid of n_blocks on a CUDA device.
template <typename Program>
void launch(Device& device, const Program& program, index_t n_blocks) {
    if (n_blocks == 0) return;
    if (n_blocks > 0x7FFFFFFF)
        throw DeviceError("a grid of " + std::to_string(n_blocks) + " blocks is too large");
    const UseDevice use(device.index());
    const auto* const kernel = reinterpret_cast<const void*>(&run_program<Program>);
    constexpr auto kSharedWithoutAsking = std::size_t{48} << 10;
    if constexpr (Program::kSharedBytes > kSharedWithoutAsking)
        check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(Program::kSharedBytes)),
                   Program::kName);
    // Returns this launch's error, which cudaGetLastError would mix with those of other code in the thread.
    void* arguments[] = {const_cast<Program*>(&program)};
    check_cuda(cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(n_blocks)), dim3(Program::kThreads),
                                arguments, Program::kSharedBytes, static_cast<cudaStream_t>(device.queue())),
               Program::kName);
}

}  // namespace coterie::cuda
