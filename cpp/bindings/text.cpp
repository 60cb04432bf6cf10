#include <limits>

#include "bindings/init.hpp"
#include "bindings/term_rows.hpp"
#include "bindings/text_documents.hpp"
#include "text/hash_features.hpp"
#include "text/term_sequences.hpp"

namespace coterie {
namespace {

using text::AnalyzeOptions;
using text::TermCounter;
using text::TermId;
using text::TermList;
using text::Vocabulary;

AnalyzeOptions analyze_options(const std::string& analyzer, std::pair<int, int> ngram_range,
                               int min_token_chars, bool lowercase, const std::string& strip_accents) {
    using text::Analyzer;
    using text::StripAccents;
    AnalyzeOptions o;
    o.analyzer = named<Analyzer>(
        "analyzer", analyzer,
        {{"word", Analyzer::word}, {"char", Analyzer::chars}, {"char_wb", Analyzer::char_wb}});
    std::tie(o.min_n, o.max_n) = ngram_range;
    o.min_token_chars = min_token_chars;
    o.normalize.lowercase = lowercase;
    o.normalize.strip_accents = named<StripAccents>(
        "strip_accents", strip_accents,
        {{"none", StripAccents::none}, {"ascii", StripAccents::ascii}, {"unicode", StripAccents::unicode}});
    return o;
}

const std::int64_t* checked_offsets(const py::array& offsets, index_t n_terms) {
    require(offsets.size() >= 1, "offsets", "expected at least 1 element; got 0");
    const index_t n = offsets.size();
    const auto* data = vector_data<std::int64_t>(offsets, n, "offsets");
    require(data[0] == 0 && data[n - 1] == n_terms, "offsets", "must run from 0 to ", n_terms);
    for (index_t i = 1; i < n; ++i) require(data[i - 1] <= data[i], "offsets", "must not decrease");
    return data;
}

void check_ids(const std::vector<TermId>& ids, const TermCounter& counter) {
    for (const TermId id : ids)
        require(id < counter.tallies().size(), "text", "term id ", id, " of ", counter.tallies().size());
}

void init_term_list(py::module_& m) {
    py::class_<TermList>(m, "TermList")
        .def(py::init(&term_list), py::arg("terms"))
        .def("__len__", &TermList::size)
        .def("to_list", &term_strings)
        .def(py::pickle(
            [](const TermList& self) {
                return py::make_tuple(py::bytes(self.bytes),
                                      to_numpy(std::vector<std::int64_t>(self.offsets)));
            },
            [](const py::tuple& state) {
                TermList list;
                list.bytes = state[0].cast<std::string>();
                const auto offsets = state[1].cast<py::array>();
                const auto* data = checked_offsets(offsets, static_cast<index_t>(list.bytes.size()));
                list.offsets.assign(data, data + offsets.size());
                return list;
            }));
    py::class_<Vocabulary, std::shared_ptr<Vocabulary>>(m, "Vocabulary")
        .def(py::init<const TermList&, bool, const TermList&>(), py::arg("terms"), py::arg("joined"),
             py::arg("stop_words"), py::call_guard<py::gil_scoped_release>())
        .def("__len__", &Vocabulary::size)
        .def("columns",
             [](const Vocabulary& self) { return to_numpy(std::vector<std::int32_t>(self.columns())); });
}

void init_term_selection(py::class_<TermCounter>& counter) {
    counter
        .def("sort_by_text",
             [](const TermCounter& self, const py::array& ids, int n_threads) {
                 std::vector<TermId> sorted = term_ids(ids);
                 check_ids(sorted, self);
                 {
                     py::gil_scoped_release release;
                     self.sort_by_text(sorted, n_threads);
                 }
                 return to_numpy(std::move(sorted));
             })
        .def("texts",
             [](const TermCounter& self, const py::array& ids, int n_threads) {
                 const std::vector<TermId> list = term_ids(ids);
                 check_ids(list, self);
                 py::gil_scoped_release release;
                 return self.texts(list, n_threads);
             })
        .def("select",
             [](const TermCounter& self, double least, double most, int n_threads) {
                 std::vector<TermId> ids;
                 {
                     py::gil_scoped_release release;
                     ids = self.select(least, most, n_threads);
                 }
                 return to_numpy(std::move(ids));
             })
        .def("frequencies",
             [](const TermCounter& self, const py::array& ids, int n_threads) {
                 const std::vector<TermId> list = term_ids(ids);
                 check_ids(list, self);
                 text::Frequencies f;
                 {
                     py::gil_scoped_release release;
                     f = self.frequencies(list, n_threads);
                 }
                 return py::make_tuple(to_numpy(std::move(f.document)), to_numpy(std::move(f.term)));
             })
        .def("rows", &term_rows<TermCounter>, py::arg("ids"), py::arg("dtype"), py::arg("tf"),
             py::arg("norm"), py::arg("idf").none(true), py::arg("n_threads"));
}

void init_term_counter(py::module_& m) {
    py::class_<TermCounter> counter(m, "TermCounter");
    counter
        .def(py::init([](const std::string& analyzer, std::pair<int, int> ngram_range, int min_token_chars,
                         bool lowercase, const std::string& strip_accents, const TermList& stop_words,
                         std::shared_ptr<Vocabulary> vocabulary, bool keep_rows) {
                 return std::make_unique<TermCounter>(
                     analyze_options(analyzer, ngram_range, min_token_chars, lowercase, strip_accents),
                     stop_words, std::move(vocabulary), keep_rows);
             }),
             py::arg("analyzer"), py::arg("ngram_range"), py::arg("min_token_chars"), py::arg("lowercase"),
             py::arg("strip_accents"), py::arg("stop_words"), py::arg("vocabulary").none(true),
             py::arg("keep_rows"))
        .def("add_documents",
             [](TermCounter& self, const py::object& documents, int n_threads) {
                 const auto source = document_source(documents);
                 py::gil_scoped_release release;
                 self.add_documents(*source, n_threads);
             })
        .def("add_terms",
             [](TermCounter& self, const py::object& terms, const py::array& offsets, int n_threads) {
                 const auto source = document_source(terms);
                 const std::int64_t* const data = checked_offsets(offsets, source->size());
                 py::gil_scoped_release release;
                 self.add_terms(*source, data, offsets.size() - 1, n_threads);
             })
        .def("add_totals",
             [](TermCounter& self, const TermList& terms, const py::array& df, const py::array& tf,
                index_t n_documents, bool joined) {
                 self.add_totals(terms, vector_data<std::int64_t>(df, terms.size(), "document_frequency"),
                                 vector_data<std::int64_t>(tf, terms.size(), "term_frequency"), n_documents,
                                 joined);
             })
        .def("add_counter", &TermCounter::add_counter, py::call_guard<py::gil_scoped_release>())
        .def_property_readonly("n_documents", &TermCounter::n_documents)
        .def("merge", &TermCounter::merge, py::call_guard<py::gil_scoped_release>());
    init_term_selection(counter);
}

void weight_rows(py::array data, const py::array& indices, const py::array& indptr, const std::string& tf,
                 const std::string& norm, const py::object& idf, int n_threads) {
    const text::WeightOptions weights = weight_options(tf, norm, idf);
    const index_t n_stored = data.size();
    const auto* columns = vector_data<std::int32_t>(indices, n_stored, "indices");
    const auto* offsets = checked_offsets(indptr, n_stored);
    const index_t n_rows = indptr.size() - 1;
    const index_t n_columns =
        idf.is_none() ? std::numeric_limits<std::int32_t>::max() : idf.cast<py::array>().size();
    const auto run = [&](auto* values) {
        py::gil_scoped_release release;
        for (index_t p = 0; p < n_stored; ++p)
            require(columns[p] >= 0 && columns[p] < n_columns, "tfidf", "column ", columns[p], " of ",
                    n_columns);
        text::weight_rows(values, columns, offsets, n_rows, weights, n_threads);
    };
    if (py::isinstance<py::array_t<float>>(data)) {
        run(static_cast<float*>(data.mutable_data()));
    } else {
        vector_data<double>(data, n_stored, "data");
        run(static_cast<double*>(data.mutable_data()));
    }
}

void init_hashing(py::module_& m) {
    const auto hash_options = [](index_t n_features, bool alternate_sign, bool binary,
                                 const std::string& norm) {
        require(n_features >= 1 && n_features <= std::numeric_limits<std::int32_t>::max(), "hashing",
                "n_features=", n_features, " must be between 1 and 2**31 - 1");
        return text::HashOptions{n_features, alternate_sign, binary, norm_named(norm)};
    };
    m.def("hash_documents", [=](const py::object& documents, const std::string& analyzer,
                                std::pair<int, int> ngram_range, int min_token_chars, bool lowercase,
                                const std::string& strip_accents, const TermList& stop_words,
                                index_t n_features, bool alternate_sign, bool binary, const std::string& norm,
                                const std::string& dtype, int n_threads) {
        const AnalyzeOptions options =
            analyze_options(analyzer, ngram_range, min_token_chars, lowercase, strip_accents);
        const text::HashOptions hashing = hash_options(n_features, alternate_sign, binary, norm);
        const auto source = document_source(documents);
        return for_dtype(dtype, [&](auto zero) {
            text::CountMatrix<decltype(zero)> result;
            {
                py::gil_scoped_release release;
                result =
                    text::hash_documents<decltype(zero)>(*source, options, stop_words, hashing, n_threads);
            }
            return csr_tuple(std::move(result));
        });
    });
    m.def("hash_terms", [=](const py::object& terms, const py::array& offsets, index_t n_features,
                            bool alternate_sign, bool binary, const std::string& norm,
                            const std::string& dtype, int n_threads) {
        const text::HashOptions hashing = hash_options(n_features, alternate_sign, binary, norm);
        const auto source = document_source(terms);
        const std::int64_t* const data = checked_offsets(offsets, source->size());
        return for_dtype(dtype, [&](auto zero) {
            text::CountMatrix<decltype(zero)> result;
            {
                py::gil_scoped_release release;
                result =
                    text::hash_terms<decltype(zero)>(*source, data, offsets.size() - 1, hashing, n_threads);
            }
            return csr_tuple(std::move(result));
        });
    });
}

}  // namespace

void init_text(py::module_& m) {
    py::class_<PythonStrings, std::shared_ptr<PythonStrings>>(m, "Strings")
        .def(py::init<const py::object&>(), py::arg("strings"))
        .def("__len__", &PythonStrings::size)
        .def_property_readonly("first_not_str", &PythonStrings::first_not_str)
        .def("__getitem__", [](const PythonStrings& self, index_t i) {
            if (i < 0 || i >= self.size()) throw py::index_error();
            return py::reinterpret_borrow<py::object>(self.item(i));
        });
    m.def("inverse_document_frequency", [](const py::array& df, index_t n_documents, bool smooth) {
        const auto* data = vector_data<std::int64_t>(df, df.size(), "document_frequency");
        return to_numpy(text::inverse_document_frequency(data, df.size(), n_documents, smooth));
    });
    m.def("weight_rows", &weight_rows);
    m.def("term_sequences", [](const py::object& documents, int min_token_chars, bool lowercase,
                               const std::string& strip_accents, const Vocabulary& vocabulary,
                               index_t first_row, int n_threads) {
        const AnalyzeOptions options =
            analyze_options("word", {1, 1}, min_token_chars, lowercase, strip_accents);
        const auto source = document_source(documents);
        text::TermSequences sequences;
        {
            py::gil_scoped_release release;
            sequences = text::term_sequences(*source, options, vocabulary, first_row, n_threads);
        }
        return py::make_tuple(own_array(std::move(sequences.columns)),
                              to_numpy(std::move(sequences.offsets)));
    });
    init_term_list(m);
    init_term_counter(m);
    init_hashing(m);
}

}  // namespace coterie
