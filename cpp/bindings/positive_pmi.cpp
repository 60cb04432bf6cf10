#include "topics/positive_pmi.hpp"

#include "bindings/arrays.hpp"
#include "bindings/init.hpp"

namespace py = pybind11;

namespace coterie {
namespace {

py::tuple bind_positive_pmi(const py::array& sequence, const py::array& offsets, index_t n_terms,
                            index_t window, double smoothing, int n_threads) {
    const index_t n_places = sequence.size();
    const auto* places = vector_data<std::int32_t>(sequence, n_places, "sequence");
    require(offsets.size() >= 1, "positive_pmi", "offsets must have at least 1 element; got 0");
    const index_t n_documents = offsets.size() - 1;
    const auto* starts = vector_data<std::int64_t>(offsets, n_documents + 1, "offsets");
    require(starts[0] == 0 && starts[n_documents] == n_places, "positive_pmi", "offsets must run from 0 to ",
            n_places);
    for (index_t d = 0; d < n_documents; ++d)
        require(starts[d] <= starts[d + 1], "positive_pmi", "offsets must not decrease; offsets[", d,
                "]=", starts[d]);
    PositivePmi pmi;
    {
        py::gil_scoped_release release;
        pmi = positive_pmi(places, starts, n_documents, n_terms, window, smoothing, n_threads);
    }
    return py::make_tuple(to_numpy(std::move(pmi.data)), to_numpy(std::move(pmi.indices)),
                          to_numpy(std::move(pmi.indptr)));
}

}  // namespace

void init_positive_pmi(py::module_& m) {
    m.def("positive_pmi", &bind_positive_pmi, py::arg("sequence"), py::arg("offsets"), py::arg("n_terms"),
          py::arg("window"), py::arg("smoothing"), py::arg("n_threads"));
}

}  // namespace coterie
