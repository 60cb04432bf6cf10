// Rows of weighted terms as NumPy arrays, whatever counted them.
#pragma once

#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "text/count_terms.hpp"

namespace coterie {

template <typename Enum>
Enum named(const char* parameter, const std::string& value,
           std::initializer_list<std::pair<const char*, Enum>> names) {
    for (const auto& [name, result] : names)
        if (value == name) return result;
    require(false, "text", "unknown ", parameter, " '", value, "'");
    return {};
}

inline text::Norm norm_named(const std::string& name) {
    return named<text::Norm>("norm", name,
                             {{"none", text::Norm::none}, {"l1", text::Norm::l1}, {"l2", text::Norm::l2}});
}

// The idf array is kept alive by the caller.
inline text::WeightOptions weight_options(const std::string& tf, const std::string& norm,
                                          const py::object& idf) {
    using text::TermFrequency;
    text::WeightOptions w;
    w.tf = named<TermFrequency>("tf", tf,
                                {{"count", TermFrequency::count},
                                 {"binary", TermFrequency::binary},
                                 {"sublinear", TermFrequency::sublinear},
                                 {"relative", TermFrequency::relative}});
    w.norm = norm_named(norm);
    if (!idf.is_none()) {
        const auto array = idf.cast<py::array>();
        w.idf = vector_data<double>(array, array.size(), "idf");
    }
    return w;
}

template <typename T>
py::array_t<T> own_array(LargeVector<T>&& values) {
    auto owner = std::make_unique<LargeVector<T>>(std::move(values));
    const auto size = static_cast<index_t>(owner->size());
    T* const data = owner->data();
    py::capsule keep(owner.release(), [](void* p) { delete static_cast<LargeVector<T>*>(p); });
    return py::array_t<T>(size, data, keep);
}

template <typename T>
py::tuple csr_tuple(text::CountMatrix<T>&& m) {
    return py::make_tuple(own_array(std::move(m.data)), own_array(std::move(m.indices)),
                          to_numpy(std::move(m.indptr)));
}

// Calls run with a value of the named dtype.
template <typename Run>
py::tuple for_dtype(const std::string& dtype, const Run& run) {
    if (dtype == "float32") return run(float{});
    require(dtype == "float64", "text", "dtype must be float32 or float64; got ", dtype);
    return run(double{});
}

inline std::vector<text::TermId> term_ids(const py::array& ids) {
    const auto* data = vector_data<text::TermId>(ids, ids.size(), "ids");
    return {data, data + ids.size()};
}

// counter.rows(..) of a TermCounter or a DeviceTermCounter.
template <typename Counter>
py::tuple term_rows(Counter& counter, const py::array& ids, const std::string& dtype, const std::string& tf,
                    const std::string& norm, const py::object& idf, int n_threads) {
    const std::vector<text::TermId> columns = term_ids(ids);
    const text::WeightOptions weights = weight_options(tf, norm, idf);
    const auto run = [&](auto zero) {
        text::CountMatrix<decltype(zero)> m;
        {
            py::gil_scoped_release release;
            m = counter.template rows<decltype(zero)>(columns, weights, n_threads);
        }
        return csr_tuple(std::move(m));
    };
    return dtype == "int64" ? run(std::int64_t{}) : for_dtype(dtype, run);
}

}  // namespace coterie
