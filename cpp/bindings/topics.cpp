#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.hpp"
#include "bindings/init.hpp"
#include "topics/cluster_sums.hpp"

namespace py = pybind11;

namespace coterie {
namespace {

py::tuple bind_cluster_sums(const py::object& x, const py::array& labels, index_t n_clusters,
                            const std::optional<py::array>& row_weights, int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    if (!rows.is_sparse()) throw py::type_error("X must be given as CSR");
    const auto& csr = std::get<CsrView>(rows.view());
    const std::int32_t* label_data = vector_data<std::int32_t>(labels, csr.rows, "labels");
    const double* weights =
        row_weights ? vector_data<double>(*row_weights, csr.rows, "row_weights") : nullptr;
    ClusterSums sums;
    {
        py::gil_scoped_release release;
        sums = cluster_sums(csr, label_data, n_clusters, weights, n_threads);
    }
    return py::make_tuple(to_numpy(std::move(sums.data)), to_numpy(std::move(sums.indices)),
                          to_numpy(std::move(sums.indptr)));
}

}  // namespace

void init_topics(py::module_& m) {
    m.def("cluster_sums", &bind_cluster_sums, py::arg("X"), py::arg("labels"), py::arg("n_clusters"),
          py::arg("row_weights").none(true), py::arg("n_threads"));
}

}  // namespace coterie
