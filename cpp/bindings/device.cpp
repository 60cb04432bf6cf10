// What `coterie doctor` reports of CUDA.
#include "cuda/device.hpp"

#include <pybind11/stl.h>

#include <cstdint>
#include <memory>

#include "bindings/init.hpp"

namespace py = pybind11;

namespace coterie {
namespace {

py::dict cuda_state() {
    cuda::CudaState state;
    {
        py::gil_scoped_release release;
        state = cuda::cuda_state();
    }
    py::list devices;
    for (const cuda::DeviceInfo& device : state.devices) {
        py::dict facts;
        facts["index"] = device.index;
        facts["name"] = device.name;
        facts["compute_capability"] = py::make_tuple(device.major, device.minor);
        facts["processors"] = device.n_processors;
        facts["memory_bytes"] = device.memory;
        facts["supported"] = device.is_supported;
        devices.append(facts);
    }
    py::dict facts;
    facts["built"] = state.built;
    facts["architectures"] = state.architectures;
    facts["runtime"] = py::make_tuple(state.runtime_version / 1000, state.runtime_version % 1000 / 10);
    facts["driver"] = py::make_tuple(state.driver_version / 1000, state.driver_version % 1000 / 10);
    facts["devices"] = devices;
    facts["problem"] = state.problem;
    return facts;
}

}  // namespace

void init_device(py::module_& m) {
    m.def("cuda_state", &cuda_state);
    py::class_<cuda::Device, std::shared_ptr<cuda::Device>>(m, "Device")
        .def(py::init(&cuda::open_device), py::arg("name"), py::call_guard<py::gil_scoped_release>())
        .def_property_readonly("name", &cuda::Device::name)
        .def_property_readonly("index", &cuda::Device::index)
        .def_property_readonly("free_memory", &cuda::Device::free_memory)
        .def_property_readonly("stream", [](const cuda::Device& device) {
            return reinterpret_cast<std::uintptr_t>(device.queue());
        });
}

}  // namespace coterie
