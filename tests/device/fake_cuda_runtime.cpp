// The part of the CUDA runtime that cpp/cuda calls, on the host: work on a stream is put off until something waits for it, so
// that what is not waited for is seen to be missing. A machine is described by the variables of fake_cuda.hpp.
#include <cuda_runtime.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "fake_cuda.hpp"

FakeMachine fake;

namespace {

struct Stream;
struct Event {
    Stream* stream = nullptr;
    std::size_t place = 0;
};
struct Stream {
    std::deque<std::function<void()>> work;
    std::size_t n_done = 0, n_queued = 0;
    bool captures = false;
    std::vector<std::function<void()>> captured;

    void queue(std::function<void()> op) {
        if (captures) {
            captured.push_back(std::move(op));
            return;
        }
        work.push_back(std::move(op));
        ++n_queued;
    }
    void run_until(std::size_t place) {
        while (n_done < place) {
            const auto op = std::move(work.front());
            work.pop_front();
            ++n_done;
            op();
        }
    }
};
using Graph = std::vector<std::function<void()>>;

int current = 0;
std::map<const char*, std::size_t> pinned, on_device;
std::map<const Graph*, int> n_under_way;
cudaError_t last = cudaSuccess;

Stream* of(cudaStream_t s) {
    return reinterpret_cast<Stream*>(s);
}
Event* of(cudaEvent_t e) {
    return reinterpret_cast<Event*>(e);
}
bool is_in(const std::map<const char*, std::size_t>& blocks, const void* p) {
    const auto next = blocks.upper_bound(static_cast<const char*>(p));
    if (next == blocks.begin()) return false;
    const auto& [begin, size] = *std::prev(next);
    return static_cast<const char*>(p) < begin + size;
}
cudaError_t fail(cudaError_t error) {
    last = error;
    return error;
}

}  // namespace

extern "C" {

cudaError_t cudaDriverGetVersion(int* version) {
    *version = fake.driver;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
    *count = fake.n_devices;
    return fake.count_error == 0 ? cudaSuccess : fail(static_cast<cudaError_t>(fake.count_error));
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
    *p = cudaDeviceProp{};
    std::strcpy(p->name, "Test GPU");
    p->major = device == fake.old_device ? 7 : 9;
    p->totalGlobalMem = std::size_t{1} << 34;
    return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
    *device = current;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
    current = device;
    return cudaSuccess;
}
int fake_current_device() {
    return current;
}
cudaError_t cudaGetLastError() {
    return std::exchange(last, cudaSuccess);
}
const char* cudaGetErrorName(cudaError_t error) {
    return error == cudaErrorDevicesUnavailable ? "cudaErrorDevicesUnavailable" : "cudaErrorOther";
}
const char* cudaGetErrorString(cudaError_t) {
    return "as the runtime describes it";
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
    if (bytes > fake.free_memory) return fail(cudaErrorMemoryAllocation);
    char* const block = static_cast<char*>(std::malloc(bytes));
    std::memset(block, 0xFF, bytes);
    on_device[block] = bytes;
    *memory = block;
    return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
    on_device.erase(static_cast<char*>(memory));
    std::free(memory);
    return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    *free = fake.free_memory;
    *total = std::size_t{1} << 34;
    return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
    if (fake.n_pinned_left == 0) return fail(cudaErrorMemoryAllocation);
    --fake.n_pinned_left;
    *memory = std::malloc(bytes);
    pinned[static_cast<char*>(*memory)] = bytes;
    return cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) {
    pinned.erase(static_cast<char*>(memory));
    std::free(memory);
    return cudaSuccess;
}
int fake_n_owned() {
    return static_cast<int>(pinned.size() + on_device.size()) + fake.n_handles;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
    if (current == fake.busy_device) return fail(cudaErrorDevicesUnavailable);
    if (current == fake.full_device) return fail(cudaErrorMemoryAllocation);
    if (flags != cudaStreamNonBlocking) return fail(cudaErrorInvalidValue);
    *stream = reinterpret_cast<cudaStream_t>(new Stream);
    ++fake.n_handles;
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    of(stream)->run_until(of(stream)->n_queued);
    delete of(stream);
    --fake.n_handles;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (of(stream)->captures) return fail(cudaErrorStreamCaptureUnsupported);
    of(stream)->run_until(of(stream)->n_queued);
    return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    *event = reinterpret_cast<cudaEvent_t>(new Event);
    ++fake.n_handles;
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete of(event);
    --fake.n_handles;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    *of(event) = {of(stream), of(stream)->n_queued};
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (of(event)->stream != nullptr) of(event)->stream->run_until(of(event)->place);
    return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    const Event at = *of(event);
    of(stream)->queue([at] { at.stream->run_until(at.place); });
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    of(stream)->queue([=] { std::memcpy(to, from, bytes); });
    const void* const host = kind == cudaMemcpyHostToDevice ? from : to;
    const bool is_pageable = kind != cudaMemcpyDeviceToDevice && !is_in(pinned, host);
    return is_pageable ? cudaStreamSynchronize(stream) : cudaSuccess;
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind, cudaStream_t stream) {
    if (width > to_pitch || width > from_pitch) return fail(cudaErrorInvalidPitchValue);
    of(stream)->queue([=] {
        for (std::size_t i = 0; i < height; ++i)
            std::memcpy(static_cast<char*>(to) + i * to_pitch,
                        static_cast<const char*>(from) + i * from_pitch, width);
    });
    return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* memory, int byte, std::size_t bytes, cudaStream_t stream) {
    of(stream)->queue([=] { std::memset(memory, byte, bytes); });
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    of(stream)->captures = true;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    of(stream)->captures = false;
    *graph = reinterpret_cast<cudaGraph_t>(new Graph(std::move(of(stream)->captured)));
    of(stream)->captured.clear();
    ++fake.n_handles;
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete reinterpret_cast<Graph*>(graph);
    --fake.n_handles;
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* program, cudaGraph_t graph, unsigned long long) {
    *program = reinterpret_cast<cudaGraphExec_t>(new Graph(*reinterpret_cast<Graph*>(graph)));
    ++fake.n_handles;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t program) {
    if (n_under_way[reinterpret_cast<Graph*>(program)] > 0) ++fake.n_destroyed_early;
    n_under_way.erase(reinterpret_cast<Graph*>(program));
    delete reinterpret_cast<Graph*>(program);
    --fake.n_handles;
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t program, cudaStream_t stream) {
    const auto* const graph = reinterpret_cast<Graph*>(program);
    for (const auto& op : *graph) of(stream)->queue(op);
    ++n_under_way[graph];
    of(stream)->queue([graph] { --n_under_way[graph]; });
    return cudaSuccess;
}
}
