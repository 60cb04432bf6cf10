// Documents that Python holds, as the text room reads them: without copies, and with the GIL released.
#pragma once

#include <atomic>
#include <limits>
#include <variant>

#include "bindings/arrays.hpp"
#include "core/parallel.hpp"
#include "text/document.hpp"
#include "text/term_list.hpp"

namespace coterie {

// A tuple of str. The tuple owns its strings and strings do not change, so their buffers can be read without
// the GIL.
class PythonStrings final : public text::DocumentSource {
  public:
    explicit PythonStrings(py::tuple strings)
        : strings_(std::move(strings)), size_(static_cast<index_t>(strings_.size())) {
        const index_t bad = first_not_str(strings_, size_);
        if (bad < size_)
            throw py::type_error(
                "document " + std::to_string(bad) + " must be str; got " +
                py::repr(py::type::of(strings_[static_cast<std::size_t>(bad)])).cast<std::string>());
    }

    // The number of the first item that is not a str, or size.
    static index_t first_not_str(const py::tuple& strings, index_t size) {
        std::atomic<index_t> first{size};
        py::gil_scoped_release release;
        parallel_for_rows(size, 4096, 0, [&](index_t begin, index_t end, int) {
            for (index_t i = begin; i < end; ++i) {
                PyObject* const item = PyTuple_GET_ITEM(strings.ptr(), i);
                if (PyUnicode_Check(item) && is_ready(item)) continue;
                for (index_t seen = first; i < seen && !first.compare_exchange_weak(seen, i);) {
                }
                return;
            }
        });
        return first;
    }

    index_t size() const override { return size_; }
    text::Document at(index_t i) const override {
        PyObject* const item = PyTuple_GET_ITEM(strings_.ptr(), i);
        text::Encoding encoding = text::Encoding::ucs4;
        if (PyUnicode_IS_ASCII(item)) {
            encoding = text::Encoding::ascii;
        } else if (PyUnicode_KIND(item) == PyUnicode_1BYTE_KIND) {
            encoding = text::Encoding::latin1;
        } else if (PyUnicode_KIND(item) == PyUnicode_2BYTE_KIND) {
            encoding = text::Encoding::ucs2;
        }
        return {PyUnicode_DATA(item), static_cast<index_t>(PyUnicode_GET_LENGTH(item)), encoding};
    }
    void prefetch(index_t i) const override {
        if (i >= size_) return;
        // The header, with which the text begins.
        const auto* const item = reinterpret_cast<const char*>(PyTuple_GET_ITEM(strings_.ptr(), i));
        __builtin_prefetch(item);
        __builtin_prefetch(item + 64);
        __builtin_prefetch(item + 128);
    }

  private:
    static bool is_ready(PyObject* item) {
#if PY_VERSION_HEX < 0x030C0000
        if (!PyUnicode_IS_READY(item)) {
            py::gil_scoped_acquire gil;
            return PyUnicode_READY(item) == 0;
        }
#endif
        (void)item;
        return true;
    }

    py::tuple strings_;
    index_t size_;
};

// An Arrow string array without nulls: document i is bytes [offsets[i], offsets[i + 1]) of data.
class ArrowStrings final : public text::DocumentSource {
  public:
    ArrowStrings(py::array offsets, py::array data)
        : offsets_array_(std::move(offsets)), data_array_(std::move(data)) {
        const index_t n_bytes = data_array_.size();
        data_ = vector_data<std::uint8_t>(data_array_, n_bytes, "data");
        require(offsets_array_.size() >= 1, "offsets", "expected at least 1 element; got 0");
        size_ = offsets_array_.size() - 1;
        if (py::isinstance<py::array_t<std::int32_t>>(offsets_array_)) {
            offsets_ = vector_data<std::int32_t>(offsets_array_, size_ + 1, "offsets");
        } else {
            offsets_ = vector_data<std::int64_t>(offsets_array_, size_ + 1, "offsets");
        }
        for (index_t i = 0; i < size_; ++i)
            require(offset(i) >= 0 && offset(i) <= offset(i + 1) && offset(i + 1) <= n_bytes, "offsets",
                    "document ", i, " spans bytes [", offset(i), ", ", offset(i + 1), ") of ", n_bytes);
    }

    index_t size() const override { return size_; }
    text::Document at(index_t i) const override {
        return {data_ + offset(i), offset(i + 1) - offset(i), text::Encoding::utf8};
    }

  private:
    index_t offset(index_t i) const {
        return std::visit([&](const auto* p) -> index_t { return p[i]; }, offsets_);
    }

    py::array offsets_array_, data_array_;
    std::variant<const std::int32_t*, const std::int64_t*> offsets_;
    const std::uint8_t* data_ = nullptr;
    index_t size_ = 0;
};

// The documents argument of every text op: a tuple of str, or (offsets, data) of an Arrow array given as a
// list of both.
inline std::unique_ptr<text::DocumentSource> document_source(const py::object& documents) {
    if (py::isinstance<py::tuple>(documents))
        return std::make_unique<PythonStrings>(documents.cast<py::tuple>());
    const auto parts = documents.cast<std::pair<py::array, py::array>>();
    return std::make_unique<ArrowStrings>(parts.first, parts.second);
}

// str -> UTF-8 with lone surrogates kept.
inline text::TermList term_list(const py::iterable& strings) {
    text::TermList list;
    for (const py::handle item : strings) {
        if (!PyUnicode_Check(item.ptr()))
            throw py::type_error("terms must be str; got " + py::repr(item).cast<std::string>());
        const auto bytes = py::reinterpret_steal<py::object>(
            PyUnicode_AsEncodedString(item.ptr(), "utf-8", "surrogatepass"));
        if (!bytes) throw py::error_already_set();
        list.push_back(
            {PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))});
    }
    return list;
}

inline py::list term_strings(const text::TermList& terms) {
    py::list strings(static_cast<std::size_t>(terms.size()));
    for (index_t i = 0; i < terms.size(); ++i) {
        const std::string_view text = terms[i];
        PyObject* const s =
            PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogatepass");
        if (s == nullptr) throw py::error_already_set();
        PyList_SET_ITEM(strings.ptr(), i, s);
    }
    return strings;
}

}  // namespace coterie
