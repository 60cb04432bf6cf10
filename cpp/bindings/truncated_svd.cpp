#include "topics/truncated_svd.hpp"

#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.hpp"
#include "bindings/init.hpp"

namespace py = pybind11;

namespace coterie {
namespace {

const CsrView& csr_of(const RowsArgument& rows) {
    if (!rows.is_sparse()) throw py::type_error("X must be given as CSR");
    return std::get<CsrView>(rows.view());
}

py::tuple bind_truncated_svd(const py::object& x, index_t n_components, index_t n_oversamples, index_t n_iter,
                             const std::optional<py::array>& without, std::uint64_t seed, int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& csr = csr_of(rows);
    const double* known = without ? vector_data<double>(*without, csr.cols, "without") : nullptr;
    TruncatedSvd svd;
    {
        py::gil_scoped_release release;
        svd = truncated_svd(csr, n_components, n_oversamples, n_iter, known, seed, n_threads);
    }
    return py::make_tuple(to_numpy(std::move(svd.term_vectors), {csr.cols, n_components}),
                          to_numpy(std::move(svd.singular_values)));
}

py::array bind_project_rows(const py::object& x, const py::array& term_vectors, bool unit_rows,
                            int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& csr = csr_of(rows);
    const MatrixView<const float> vectors = matrix_view(term_vectors, "term_vectors");
    std::vector<float> out(static_cast<std::size_t>(csr.rows * vectors.cols));
    {
        py::gil_scoped_release release;
        project_rows(csr, vectors, unit_rows, out.data(), n_threads);
    }
    return to_numpy(std::move(out), {csr.rows, vectors.cols});
}

}  // namespace

void init_truncated_svd(py::module_& m) {
    m.def("truncated_svd", &bind_truncated_svd, py::arg("X"), py::arg("n_components"),
          py::arg("n_oversamples"), py::arg("n_iter"), py::arg("without").none(true), py::arg("seed"),
          py::arg("n_threads"));
    m.def("project_rows", &bind_project_rows, py::arg("X"), py::arg("term_vectors"), py::arg("unit_rows"),
          py::arg("n_threads"));
}

}  // namespace coterie
