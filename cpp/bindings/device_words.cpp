// The counting of terms on a device.
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>

#include "bindings/init.hpp"
#include "bindings/term_rows.hpp"
#include "bindings/text_documents.hpp"
#include "text/device_count.hpp"

namespace coterie {

void init_device_words(py::module_& m) {
    using text::DeviceTermCounter;
    py::class_<DeviceTermCounter>(m, "DeviceTermCounter")
        .def(py::init<std::shared_ptr<cuda::Device>, text::TermCounter&, std::int64_t, std::uint64_t>(),
             py::arg("device"), py::arg("counter"), py::arg("batch_bytes") = DeviceTermCounter::kBatchBytes,
             py::arg("hash_mask") = ~std::uint64_t{0}, py::keep_alive<1, 3>())
        .def(
            "add_documents",
            [](DeviceTermCounter& self, const py::object& documents, int n_threads) {
                const auto source = document_source(documents);
                py::gil_scoped_release release;
                self.add_documents(*source, n_threads);
            },
            py::arg("documents"), py::arg("n_threads"))
        .def("rows", &term_rows<DeviceTermCounter>, py::arg("ids"), py::arg("dtype"), py::arg("tf"),
             py::arg("norm"), py::arg("idf").none(true), py::arg("n_threads"));
}

}  // namespace coterie
