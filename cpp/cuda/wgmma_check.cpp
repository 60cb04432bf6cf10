#include "cuda/wgmma_check.hpp"

#include <cstdlib>
#include <map>
#include <mutex>

#include "cuda/canonical.hpp"

namespace coterie::cuda {
namespace {

constexpr index_t kRows = WgmmaProduct::kTileRows, kColumns = 2 * WgmmaProduct::kTileColumns;
constexpr index_t kBlocks = 160;  // more than any device of this kind runs at once

// Small integers in no pattern, and the same as bfloat16.
struct Integers {
    Integers(index_t n, std::uint32_t seed) : value(static_cast<std::size_t>(n)), packed(value.size()) {
        for (std::size_t i = 0; i < value.size(); ++i) {
            seed = seed * 1664525u + 1013904223u;
            value[i] = static_cast<int>(seed >> 16) % 15 - 7;
            packed[i] = to_bf16(static_cast<float>(value[i]));
        }
    }
    std::vector<int> value;
    std::vector<std::uint16_t> packed;
};

// Of rows with d dimensions.
std::string problem_at(Device& device, LaunchProbe launch, index_t d) {
    const Integers rows(kRows * d, 1), columns(kColumns * d, 2);
    const index_t n_blocks = device.is_emulated() ? 2 : kBlocks;
    DeviceArray<std::uint16_t> rows_there(device, kRows * d, "a check"),
        columns_there(device, kColumns * d, "a check");
    DeviceArray<float> out(device, n_blocks * kRows * kColumns, "a check");
    rows_there.upload(rows.packed.data());
    columns_there.upload(columns.packed.data());
    out.fill_bytes(0xFF);
    launch(device, {{rows_there.data(), columns_there.data(), kColumns, d}, out.data()}, n_blocks);
    const std::vector<float> found = out.to_host();
    for (index_t r = 0; r < kRows; ++r) {
        for (index_t c = 0; c < kColumns; ++c) {
            int sum = 0;
            for (index_t j = 0; j < d; ++j)
                sum += rows.value[static_cast<std::size_t>(r * d + j)] *
                       columns.value[static_cast<std::size_t>(c * d + j)];
            for (index_t b = 0; b < n_blocks; ++b) {
                const float value = found[static_cast<std::size_t>((b * kRows + r) * kColumns + c)];
                if (value != static_cast<float>(sum))
                    return "of " + std::to_string(d) + " dimensions, row " + std::to_string(r) +
                           " and column " + std::to_string(c) + " gave " + std::to_string(value) +
                           " instead of " + std::to_string(sum);
            }
        }
    }
    return "";
}

WgmmaState found_state(Device& device) {
    if (!device.has_wgmma()) return {false, "it has none that this build has code for"};
    if (const char* const asked = std::getenv("COTERIE_CUDA_WGMMA");
        asked != nullptr && std::string(asked) == "0")
        return {false, "COTERIE_CUDA_WGMMA=0"};
    std::string problem;
    try {
        problem = wgmma_problem(device, device.is_emulated() ? &emulate<WgmmaProbe> : &cuda_launch_probe);
    } catch (const DeviceMemoryError&) {
        throw;
    } catch (const DeviceError& error) {
        throw DeviceError(
            std::string(error.what()) +
            "; it failed in the check of wgmma, which COTERIE_CUDA_WGMMA=0 in the environment avoids");
    }
    return problem.empty() ? WgmmaState{true, ""} : WgmmaState{false, "its products are WRONG: " + problem};
}

}  // namespace

std::string wgmma_problem(Device& device, LaunchProbe launch) {
    // Rows that stay in shared memory, and rows that do not.
    for (const index_t d : {index_t{96}, WgmmaProduct::kMostResident + WgmmaProduct::kTileDepth}) {
        const std::string problem = problem_at(device, launch, d);
        if (!problem.empty()) return problem;
    }
    return "";
}

WgmmaState wgmma_state(Device& device) {
    static std::mutex mutex;
    static std::map<std::string, WgmmaState> states;
    const std::scoped_lock lock(mutex);
    const std::string key = std::to_string(device.index()) + device.name();
    const auto known = states.find(key);
    return known != states.end() ? known->second : states[key] = found_state(device);
}

}  // namespace coterie::cuda
