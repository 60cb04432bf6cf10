// Documents that Python holds, as the text room reads them: without copies, and with the GIL released.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "bindings/arrays.hpp"
#include "text/document.hpp"
#include "text/term_list.hpp"

namespace coterie {

// Python objects, usually str. Strings do not change, so their buffers can be read without the GIL. The GIL is held where
// this is made and destroyed.
class PythonStrings final : public text::DocumentSource {
  public:
    // Of a list or a tuple. Reference counts lie with the strings all over the memory, and are asked for in advance.
    explicit PythonStrings(const py::object& strings) {
        const py::object fixed = own_sequence(strings);
        PyObject* const* const items = PySequence_Fast_ITEMS(fixed.ptr());
        const index_t n = PySequence_Fast_GET_SIZE(fixed.ptr());
        items_.reserve(static_cast<std::size_t>(n));
        first_not_str_ = n;
        for (index_t i = 0; i < n; ++i) {
            if (i + kAhead < n) __builtin_prefetch(items[i + kAhead], 1);
            Py_INCREF(items[i]);
            items_.push_back(items[i]);
            if (first_not_str_ == n && !(PyUnicode_Check(items[i]) && is_ready(items[i]))) first_not_str_ = i;
        }
    }
    ~PythonStrings() override {
        for (std::size_t i = 0; i < items_.size(); ++i) {
            if (i + kAhead < items_.size()) __builtin_prefetch(items_[i + kAhead], 1);
            Py_DECREF(items_[i]);
        }
    }
    PythonStrings(const PythonStrings&) = delete;
    PythonStrings& operator=(const PythonStrings&) = delete;

    // The number of the first item that is not a str, or size(); only str may be asked for by at().
    index_t first_not_str() const { return first_not_str_; }
    py::handle item(index_t i) const { return items_[static_cast<std::size_t>(i)]; }

    index_t size() const override { return static_cast<index_t>(items_.size()); }
    text::Document at(index_t i) const override {
        PyObject* const item = items_[static_cast<std::size_t>(i)];
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
        if (i >= size()) return;
        // The header, with which the text begins.
        const auto* const item = reinterpret_cast<const char*>(items_[static_cast<std::size_t>(i)]);
        __builtin_prefetch(item);
        __builtin_prefetch(item + 64);
        __builtin_prefetch(item + 128);
    }

  private:
    static constexpr index_t kAhead = 16;

    static bool is_ready(PyObject* item) {
#if PY_VERSION_HEX < 0x030C0000
        return PyUnicode_READY(item) == 0;
#endif
        (void)item;
        return true;
    }

    // Without a global lock other threads may change a list that is being read.
    static py::object own_sequence(const py::object& strings) {
#ifdef Py_GIL_DISABLED
        PyObject* const fixed = PySequence_Tuple(strings.ptr());
#else
        PyObject* const fixed = PySequence_Fast(strings.ptr(), "documents must be a sequence");
#endif
        if (fixed == nullptr) throw py::error_already_set();
        return py::reinterpret_steal<py::object>(fixed);
    }

    std::vector<PyObject*> items_;  // owned
    index_t first_not_str_ = 0;
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

// The documents argument of every text op: Strings, a tuple of str, or (offsets, data) of an Arrow array given as a list
// of both.
inline std::shared_ptr<text::DocumentSource> document_source(const py::object& documents) {
    const bool fixed = py::isinstance<py::tuple>(documents);
    if (fixed || py::isinstance<PythonStrings>(documents)) {
        const auto strings = fixed ? std::make_shared<PythonStrings>(documents)
                                   : documents.cast<std::shared_ptr<PythonStrings>>();
        const index_t bad = strings->first_not_str();
        if (bad < strings->size())
            throw py::type_error("document " + std::to_string(bad) + " must be str; got " +
                                 py::repr(py::type::of(strings->item(bad))).cast<std::string>());
        return strings;
    }
    const auto parts = documents.cast<std::pair<py::array, py::array>>();
    return std::make_shared<ArrowStrings>(parts.first, parts.second);
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
