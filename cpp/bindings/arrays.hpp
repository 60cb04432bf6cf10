// From Python objects to views. Nothing here converts or copies: python/coterie/_validation.py prepares
// arrays, and an argument that was not prepared is a TypeError or ValueError, never a wrong read.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/check.hpp"
#include "core/types.hpp"

namespace coterie {

namespace py = pybind11;

// A one-dimensional contiguous array of exactly T.
template <typename T>
const T* vector_data(const py::array& a, index_t size, const char* name) {
    if (!py::isinstance<py::array_t<T>>(a) || !(a.flags() & py::array::c_style))
        throw py::type_error(std::string(name) + " must be a C-contiguous array of dtype " +
                             py::str(py::dtype::of<T>()).cast<std::string>());
    require(a.ndim() == 1 && a.size() == size, name, "expected ", size, " elements in one dimension; got ",
            a.size(), " in ", a.ndim());
    return static_cast<const T*>(a.data());
}

// A two-dimensional float32 array whose rows are contiguous.
inline MatrixView<const float> matrix_view(const py::array& a, const char* name) {
    if (!py::isinstance<py::array_t<float>>(a)) throw py::type_error(std::string(name) + " must be float32");
    require(a.ndim() == 2, name, "expected a two-dimensional array; got ", a.ndim(), " dimensions");
    const index_t item = sizeof(float);
    require(a.shape(1) <= 1 || a.shape(0) == 0 || a.strides(1) == item, name, "expected contiguous rows");
    require(a.strides(0) >= a.shape(1) * item || a.shape(0) <= 1, name, "expected non-overlapping rows");
    require(a.strides(0) % item == 0, name, "expected a row stride in whole elements");
    const index_t stride = a.shape(0) <= 1 ? a.shape(1) : a.strides(0) / item;
    return {static_cast<const float*>(a.data()), a.shape(0), a.shape(1), stride};
}

// Samples as the ops take them: dense, or CSR given as the tuple (data f32, indices i32, indptr i64,
// n_features). Keeps the arrays alive; the CSR structure has been proved by check_csr.
class RowsArgument {
  public:
    RowsArgument(const py::object& x, const char* name, int n_threads) {
        if (!py::isinstance<py::tuple>(x)) {
            dense_ = x.cast<py::array>();
            view_ = matrix_view(dense_, name);
            return;
        }
        const auto parts = x.cast<std::tuple<py::array, py::array, py::array, index_t>>();
        std::tie(data_, indices_, indptr_, std::ignore) = parts;
        CsrView csr;
        csr.cols = std::get<3>(parts);
        require(indptr_.size() >= 1, name, "indptr must have n_samples + 1 elements; got 0");
        csr.rows = indptr_.size() - 1;
        csr.data = vector_data<float>(data_, data_.size(), name);
        csr.indices = vector_data<std::int32_t>(indices_, data_.size(), name);
        csr.indptr = vector_data<std::int64_t>(indptr_, csr.rows + 1, name);
        {
            py::gil_scoped_release release;
            check_csr(csr, data_.size(), name, n_threads);
        }
        view_ = csr;
    }

    const std::variant<MatrixView<const float>, CsrView>& view() const { return view_; }
    bool is_sparse() const { return std::holds_alternative<CsrView>(view_); }
    index_t rows() const {
        return std::visit([](const auto& v) { return v.rows; }, view_);
    }
    index_t cols() const {
        return std::visit([](const auto& v) { return v.cols; }, view_);
    }

  private:
    py::array dense_, data_, indices_, indptr_;
    std::variant<MatrixView<const float>, CsrView> view_;
};

// Hands a vector's memory to NumPy without a copy.
template <typename T>
py::array_t<T> to_numpy(std::vector<T>&& values, std::vector<index_t> shape = {}) {
    auto owner = std::make_unique<std::vector<T>>(std::move(values));
    if (shape.empty()) shape = {static_cast<index_t>(owner->size())};
    T* data = owner->data();
    py::capsule keep(owner.release(), [](void* p) { delete static_cast<std::vector<T>*>(p); });
    return py::array_t<T>(shape, data, keep);
}

}  // namespace coterie
