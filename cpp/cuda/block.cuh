// A block of a device program as a CUDA kernel; see emulated_block.hpp for what a program is.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "cuda/check_cuda.cuh"
#include "cuda/emulated_block.hpp"
#include "cuda/owned.cuh"

namespace coterie::cuda {

#ifdef __CUDA_ARCH_FEAT_SM90_ALL
inline constexpr bool kHasWgmma = true;
#else
inline constexpr bool kHasWgmma = false;
#endif

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

    // By the two warpgroups of Hopper's asynchronous matrix units; no other device is asked for it.
    __device__ std::uint64_t shared_address(std::size_t byte) { return address(shared_ + byte); }
    __device__ void show_copies_to_wgmma() {
        if constexpr (kHasWgmma) asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    }
    __device__ void fence_wgmma() {
        if constexpr (kHasWgmma) asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
    }
    __device__ void commit_wgmma() {
        if constexpr (kHasWgmma) asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    }
    template <int kPending>
    __device__ void wait_wgmma() {
        if constexpr (kHasWgmma) asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
    }
    // The compiler does not know that a product writes these registers later: nothing that uses them may pass this place.
    template <typename F>
    __device__ __forceinline__ void hold_wgmma(const F& accumulators) {
        float* const d = accumulators(static_cast<int>(threadIdx.x));
#pragma unroll
        for (int i = 0; i < 64; ++i) asm volatile("" : "+f"(d[i])::"memory");
    }
    template <typename F>
    __device__ __forceinline__ void wgmma(const F& registers) {
        const WgmmaRegisters r = registers(static_cast<int>(threadIdx.x));
        if constexpr (!kHasWgmma) {
            __trap();
        } else {
            float* const d = r.d;
            asm volatile(
                "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
                "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
                "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
                "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
                "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
                "%64, %65, 1, 1, 1, 0, 0;"
                : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),
                  "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]),
                  "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]),
                  "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]),
                  "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]),
                  "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]),
                  "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), "+f"(d[48]),
                  "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]),
                  "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]),
                  "+f"(d[63])
                : "l"(r.a), "l"(r.b)
                : "memory");
        }
    }

  private:
    __device__ static unsigned address(const void* shared) {
        return static_cast<unsigned>(__cvta_generic_to_shared(shared));
    }

    char* shared_;
};

template <typename Program>
__global__ void __launch_bounds__(Program::kThreads) run_program(const __grid_constant__ Program program) {
    extern __shared__ __align__(1024) char shared[];  // as the swizzles of matrix descriptors need it
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
