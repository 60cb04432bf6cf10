#include "cluster/linkage.hpp"

#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "bindings/init.hpp"

namespace coterie {
namespace {

py::tuple linkage(const py::array& distances, const py::array& weights, const std::string& method) {
    const index_t n = weights.size();
    const double* weight = vector_data<double>(weights, n, "weights");
    const double* in = vector_data<double>(distances, n * (n - 1) / 2, "distances");
    if (!distances.writeable()) throw py::type_error("distances must be writeable");
    cluster::Merges merges;
    {
        py::gil_scoped_release release;
        merges = cluster::linkage(const_cast<double*>(in), weight, n, method);
    }
    const index_t n_merges = static_cast<index_t>(merges.distances.size());
    return py::make_tuple(to_numpy(std::move(merges.children), {n_merges, 2}),
                          to_numpy(std::move(merges.distances)), to_numpy(std::move(merges.weights)));
}

}  // namespace

void init_linkage(py::module_& m) {
    m.def("linkage", &linkage, py::arg("distances"), py::arg("weights"), py::arg("method"));
}

}  // namespace coterie
