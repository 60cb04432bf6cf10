// The counting of words on a device.
#include <cstdint>
#include <memory>

#include "bindings/init.hpp"
#include "bindings/text_documents.hpp"
#include "text/device_count.hpp"

namespace coterie {

void init_device_words(py::module_& m) {
    using text::DeviceWordCounter;
    py::class_<DeviceWordCounter>(m, "DeviceWordCounter")
        .def(py::init([](const std::shared_ptr<cuda::Device>& device, int min_token_chars, bool lowercase,
                         std::int64_t batch_bytes, std::uint64_t hash_mask) {
                 text::AnalyzeOptions options;
                 options.min_token_chars = min_token_chars;
                 options.normalize.lowercase = lowercase;
                 return std::make_unique<DeviceWordCounter>(device, options, batch_bytes, hash_mask);
             }),
             py::arg("device"), py::arg("min_token_chars"), py::arg("lowercase"),
             py::arg("batch_bytes") = DeviceWordCounter::kBatchBytes,
             py::arg("hash_mask") = ~std::uint64_t{0})
        .def(
            "add_documents",
            [](DeviceWordCounter& self, text::TermCounter& counter, const py::object& documents,
               int n_threads) {
                const auto source = document_source(documents);
                py::gil_scoped_release release;
                self.add_documents(counter, *source, n_threads);
            },
            py::arg("counter"), py::arg("documents"), py::arg("n_threads"));
}

}  // namespace coterie
