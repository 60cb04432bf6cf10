// Bindings of the similarity room; documented in python/coterie/similarity.
#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.hpp"
#include "bindings/dlpack.hpp"
#include "bindings/init.hpp"
#include "cuda/device.hpp"
#include "similarity/cosine_top_k.hpp"
#include "similarity/device_top_k.hpp"
#include "similarity/identical_rows.hpp"
#include "similarity/jaccard_top_k.hpp"
#include "similarity/minhash.hpp"
#include "similarity/near_duplicates.hpp"
#include "similarity/pair_similarities.hpp"

namespace coterie {
namespace {

using Dense = MatrixView<const float>;

NeighbourQuery make_query(index_t k, float threshold, const std::optional<py::array>& excluded,
                          index_t n_rows) {
    NeighbourQuery query{k, threshold, nullptr};
    if (excluded) query.excluded = vector_data<std::int32_t>(*excluded, n_rows, "excluded");
    return query;
}

py::tuple as_tuple(Neighbours&& n) {
    return py::make_tuple(to_numpy(std::move(n.indptr)), to_numpy(std::move(n.indices)),
                          to_numpy(std::move(n.similarities)));
}

const CsrView& csr(const RowsArgument& x, const char* name) {
    if (!x.is_sparse()) throw py::type_error(std::string(name) + " must be CSR");
    return std::get<CsrView>(x.view());
}

// Null: the CPU.
using MaybeDevice = std::shared_ptr<cuda::Device>;

// x, y: DLPack capsules of rows on the device; y None: x itself.
py::tuple search_lent(const py::capsule& x, const py::object& y, index_t k, float threshold,
                      const std::optional<py::array>& excluded, const MaybeDevice& device) {
    if (!device) throw py::type_error("rows on a device are searched there");
    const LentMatrix rows(x, "X");
    rows.check_place(*device, "X");
    std::optional<LentMatrix> columns;
    if (!y.is_none()) columns.emplace(y.cast<py::capsule>(), "Y").check_place(*device, "Y");
    const NeighbourQuery query = make_query(k, threshold, excluded, rows.view().rows);
    Neighbours result;
    {
        py::gil_scoped_release release;
        const DeviceDense a(rows.view());
        std::optional<DeviceDense> b;
        if (columns) b.emplace(columns->view());
        result = cosine_top_k(*device, a, b ? &*b : nullptr, query);
    }
    return as_tuple(std::move(result));
}

py::tuple bind_cosine_top_k(const py::object& x, const py::object& y, index_t k, float threshold,
                            const std::optional<py::array>& excluded, int n_threads,
                            const MaybeDevice& device) {
    if (py::isinstance<py::capsule>(x)) return search_lent(x, y, k, threshold, excluded, device);
    const RowsArgument rows(x, "X", n_threads), columns(y, "Y", n_threads);
    const NeighbourQuery query = make_query(k, threshold, excluded, rows.rows());
    if (rows.is_sparse() != columns.is_sparse())
        throw py::type_error("X and Y must both be dense or both be sparse");
    Neighbours result;
    {
        py::gil_scoped_release release;
        const auto search = [&](const auto& a, const auto& b) {
            return device ? cosine_top_k(*device, a, b, query, n_threads)
                          : cosine_top_k(a, b, query, n_threads);
        };
        result = rows.is_sparse() ? search(csr(rows, "X"), csr(columns, "Y"))
                                  : search(std::get<Dense>(rows.view()), std::get<Dense>(columns.view()));
    }
    return as_tuple(std::move(result));
}

py::tuple bind_jaccard_top_k(const py::object& x, const py::object& y, index_t k, float threshold,
                             const std::optional<py::array>& excluded, int n_threads,
                             const MaybeDevice& device) {
    const RowsArgument rows(x, "X", n_threads), columns(y, "Y", n_threads);
    const NeighbourQuery query = make_query(k, threshold, excluded, rows.rows());
    const CsrView &a = csr(rows, "X"), &b = csr(columns, "Y");
    Neighbours result;
    {
        py::gil_scoped_release release;
        result =
            device ? jaccard_top_k(*device, a, b, query, n_threads) : jaccard_top_k(a, b, query, n_threads);
    }
    return as_tuple(std::move(result));
}

py::array_t<std::int32_t> bind_identical_rows(const py::object& x, int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    std::vector<std::int32_t> first;
    {
        py::gil_scoped_release release;
        first = std::visit([&](const auto& view) { return identical_rows(view, n_threads); }, rows.view());
    }
    return to_numpy(std::move(first));
}

py::array_t<std::int32_t> bind_cosine_components(const py::object& x, float threshold, int n_threads,
                                                 const MaybeDevice& device) {
    const RowsArgument rows(x, "X", n_threads);
    std::vector<std::int32_t> first;
    {
        py::gil_scoped_release release;
        first = std::visit(
            [&](const auto& view) {
                return device ? cosine_components(*device, view, threshold, n_threads)
                              : cosine_components(view, threshold, n_threads);
            },
            rows.view());
    }
    return to_numpy(std::move(first));
}

py::array_t<std::int32_t> bind_jaccard_components(const py::object& x, float threshold, int n_threads,
                                                  const MaybeDevice& device) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& view = csr(rows, "X");
    std::vector<std::int32_t> first;
    {
        py::gil_scoped_release release;
        first = device ? jaccard_components(*device, view, threshold, n_threads)
                       : jaccard_components(view, threshold, n_threads);
    }
    return to_numpy(std::move(first));
}

py::array_t<std::int32_t> bind_minhash_components(const py::object& x, bool cosine, float threshold,
                                                  index_t n_bands, index_t rows_per_band, std::uint64_t seed,
                                                  int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& view = csr(rows, "X");
    const MinHash minhash{n_bands, rows_per_band, seed};
    std::vector<std::int32_t> first;
    {
        py::gil_scoped_release release;
        first = cosine ? cosine_minhash_components(view, threshold, minhash, n_threads)
                       : jaccard_minhash_components(view, threshold, minhash, n_threads);
    }
    return to_numpy(std::move(first));
}

py::array_t<float> bind_pair_similarities(const py::object& x, bool cosine, const py::array& first,
                                          const py::array& second, int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const index_t n = first.size();
    const auto* const a = vector_data<std::int32_t>(first, n, "first");
    const auto* const b = vector_data<std::int32_t>(second, n, "second");
    const CsrView* const sparse = cosine ? nullptr : &csr(rows, "X");
    std::vector<float> similarities;
    {
        py::gil_scoped_release release;
        similarities = cosine ? std::visit([&](const auto& v) { return cosine_pairs(v, a, b, n, n_threads); },
                                           rows.view())
                              : jaccard_pairs(*sparse, a, b, n, n_threads);
    }
    return to_numpy(std::move(similarities));
}

}  // namespace

void init_similarity(py::module_& m) {
    m.def("cosine_top_k", &bind_cosine_top_k, py::arg("X"), py::arg("Y"), py::arg("k"), py::arg("threshold"),
          py::arg("excluded"), py::arg("n_threads"), py::arg("device") = MaybeDevice());
    m.def("jaccard_top_k", &bind_jaccard_top_k, py::arg("X"), py::arg("Y"), py::arg("k"),
          py::arg("threshold"), py::arg("excluded"), py::arg("n_threads"), py::arg("device") = MaybeDevice());
    m.def("identical_rows", &bind_identical_rows, py::arg("X"), py::arg("n_threads"));
    m.def("cosine_components", &bind_cosine_components, py::arg("X"), py::arg("threshold"),
          py::arg("n_threads"), py::arg("device") = MaybeDevice());
    m.def("jaccard_components", &bind_jaccard_components, py::arg("X"), py::arg("threshold"),
          py::arg("n_threads"), py::arg("device") = MaybeDevice());
    m.def("minhash_components", &bind_minhash_components, py::arg("X"), py::arg("cosine"),
          py::arg("threshold"), py::arg("n_bands"), py::arg("rows_per_band"), py::arg("seed"),
          py::arg("n_threads"));
    m.def("pair_similarities", &bind_pair_similarities, py::arg("X"), py::arg("cosine"), py::arg("first"),
          py::arg("second"), py::arg("n_threads"));
}

}  // namespace coterie
