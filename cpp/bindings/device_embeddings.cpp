// Rows of texts on a device, and how others read them.
#include "encode/device_embeddings.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/dlpack.hpp"
#include "bindings/init.hpp"

namespace coterie {
namespace {

using encode::DeviceEmbeddings;
using encode::Pooling;

std::vector<Pooling> poolings_named(const std::vector<std::string>& names) {
    static const std::vector<std::pair<std::string, Pooling>> known = {
        {"cls", Pooling::cls},
        {"lasttoken", Pooling::last},
        {"max", Pooling::max},
        {"mean", Pooling::mean},
        {"mean_sqrt_len_tokens", Pooling::mean_sqrt_length},
        {"weightedmean", Pooling::weighted_mean}};
    std::vector<Pooling> found;
    for (const std::string& name : names) {
        const auto at =
            std::find_if(known.begin(), known.end(), [&](const auto& entry) { return entry.first == name; });
        require(at != known.end(), "pooling", "unknown: ", name);
        found.push_back(at->second);
    }
    return found;
}

// address: of what a model wrote, (n, dim) or (n, length, dim), on the device.
void put(DeviceEmbeddings& self, std::uintptr_t address, const std::vector<index_t>& shape, bool is_half,
         const py::array& lengths, const py::array& places, const std::vector<std::string>& poolings,
         bool normalise) {
    require(shape.size() == 2 || shape.size() == 3, "embeddings",
            "a model's output must have 2 or 3 dimensions; got ", shape.size());
    const bool is_pooled = shape.size() == 2;
    const encode::ModelOutput found{reinterpret_cast<const void*>(address),
                                    is_half,
                                    is_pooled,
                                    shape[0],
                                    is_pooled ? 1 : shape[1],
                                    shape.back()};
    const auto* const of_lengths = vector_data<std::int64_t>(lengths, found.n, "lengths");
    const auto* const of_places = vector_data<std::int64_t>(places, found.n, "places");
    const std::vector<Pooling> how = is_pooled ? std::vector<Pooling>{} : poolings_named(poolings);
    py::gil_scoped_release release;
    self.put(found, of_lengths, of_places, how, normalise);
}

void repeat(DeviceEmbeddings& self, const py::array& from, const py::array& to) {
    const auto* const sources = vector_data<std::int64_t>(from, from.size(), "from");
    const auto* const targets = vector_data<std::int64_t>(to, from.size(), "to");
    py::gil_scoped_release release;
    self.repeat(sources, targets, from.size());
}

py::array_t<float> to_host(const DeviceEmbeddings& self) {
    py::array_t<float> out({self.n_rows(), self.n_columns()});
    float* const data = out.mutable_data();
    py::gil_scoped_release release;
    self.download(data);
    return out;
}

}  // namespace

void init_device_embeddings(py::module_& m) {
    py::class_<DeviceEmbeddings, std::shared_ptr<DeviceEmbeddings>>(m, "DeviceEmbeddings")
        .def(py::init<std::shared_ptr<cuda::Device>, index_t, index_t>(), py::arg("device"),
             py::arg("n_rows"), py::arg("n_columns"))
        .def_property_readonly(
            "shape",
            [](const DeviceEmbeddings& self) { return py::make_tuple(self.n_rows(), self.n_columns()); })
        .def("put", &put, py::arg("address"), py::arg("shape"), py::arg("is_half"), py::arg("lengths"),
             py::arg("places"), py::arg("poolings"), py::arg("normalise"))
        .def("repeat", &repeat, py::arg("sources"), py::arg("places"))
        .def("to_host", &to_host)
        .def("lend", [](const std::shared_ptr<DeviceEmbeddings>& self) {
            return lend_matrix(self, self->device(), self->data(), self->n_rows(), self->n_columns());
        });
}

}  // namespace coterie
