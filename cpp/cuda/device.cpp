#include "cuda/device.hpp"

#include <charconv>

#include "core/check.hpp"

namespace coterie::cuda {

std::shared_ptr<Device> open_device(const std::string& name) {
    if (name == "emulated" || name == "emulated:wgmma") return open_emulated_device(name != "emulated");
    if (name == "cuda") return open_cuda_device(-1);
    const std::string prefix = "cuda:";
    int index = -1;
    const char* const end = name.data() + name.size();
    const bool is_numbered =
        name.starts_with(prefix) && std::from_chars(name.data() + prefix.size(), end, index).ptr == end;
    require(is_numbered && index >= 0, "device", "expected 'cuda' or 'cuda:N'; got '", name, "'");
    return open_cuda_device(index);
}

}  // namespace coterie::cuda
