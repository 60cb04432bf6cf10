// Weights of the terms of a document, in float64 and one fixed order.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie::text {

enum class TermFrequency : std::uint8_t { count, binary, sublinear, relative };
enum class Norm : std::uint8_t { none, l1, l2 };

struct WeightOptions {
    TermFrequency tf = TermFrequency::count;
    const double* idf = nullptr;  // per column; nullptr: no idf factor
    Norm norm = Norm::none;
};

// values[p] (term frequencies of one document on entry, stored order) becomes weight(values[p])
// idf[columns[p]] / norm: tf = n, 1, 1 + ln n or n / sum n; l1: sum |v|, l2: sqrt(sum v^2), summed in stored
// order. A norm of 0 divides nothing; a stored 0 stays 0.
void weight_row(double* values, const std::int32_t* columns, index_t n, const WeightOptions& options);

// idf[j] = ln((n_documents + s) / (document_frequency[j] + s)) + 1 with s = 1 when smooth. A document
// frequency of 0 without smoothing gives infinity, as the formula says. The logarithm is taken in extended
// precision.
std::vector<double> inverse_document_frequency(const std::int64_t* document_frequency, index_t n_terms,
                                               index_t n_documents, bool smooth);

// 1 + ln n for n = 0 .. largest, 0 for n = 0: the factors of TermFrequency::sublinear.
std::vector<double> sublinear_frequencies(index_t largest);

// weight_row on every row of a CSR matrix, in place; T is float or double.
template <typename T>
void weight_rows(T* data, const std::int32_t* indices, const std::int64_t* indptr, index_t n_rows,
                 const WeightOptions& options, int n_threads);

}  // namespace coterie::text
