#include "text/tfidf.hpp"

#include <array>
#include <cmath>

#include "core/check.hpp"
#include "core/parallel.hpp"

namespace coterie::text {
namespace {

constexpr index_t kRowsPerTask = 1024;
constexpr std::int64_t kSmallFrequency = 1024;

double sublinear(double n) {
    static const auto small = [] {
        std::array<double, 256> table{};
        for (std::size_t i = 1; i < table.size(); ++i)
            table[i] = static_cast<double>(1.0L + std::log(static_cast<long double>(i)));
        return table;
    }();
    if (n > 0 && n < 256 && n == std::floor(n)) return small[static_cast<std::size_t>(n)];
    return n == 0 ? 0 : static_cast<double>(1.0L + std::log(static_cast<long double>(n)));
}

void apply_tf(double* values, index_t n, TermFrequency tf) {
    if (tf == TermFrequency::binary) {
        for (index_t p = 0; p < n; ++p) values[p] = 1;
    } else if (tf == TermFrequency::sublinear) {
        for (index_t p = 0; p < n; ++p) values[p] = sublinear(values[p]);
    } else if (tf == TermFrequency::relative) {
        double total = 0;
        for (index_t p = 0; p < n; ++p) total += values[p];
        for (index_t p = 0; p < n && total != 0; ++p) values[p] /= total;
    }
}

}  // namespace

void weight_row(double* values, const std::int32_t* columns, index_t n, const WeightOptions& options) {
    apply_tf(values, n, options.tf);
    if (options.idf != nullptr)
        for (index_t p = 0; p < n; ++p) values[p] *= options.idf[columns[p]];
    if (options.norm == Norm::none) return;
    double norm = 0;
    if (options.norm == Norm::l1) {
        for (index_t p = 0; p < n; ++p) norm += std::abs(values[p]);
    } else {
        for (index_t p = 0; p < n; ++p) norm += values[p] * values[p];
        norm = std::sqrt(norm);
    }
    for (index_t p = 0; p < n && norm != 0; ++p) values[p] /= norm;
}

std::vector<double> inverse_document_frequency(const std::int64_t* document_frequency, index_t n_terms,
                                               index_t n_documents, bool smooth) {
    std::vector<double> idf(static_cast<std::size_t>(n_terms));
    const index_t s = smooth ? 1 : 0;
    const long double numerator = static_cast<long double>(n_documents + s);
    const auto of_frequency = [&](std::int64_t df) {
        return static_cast<double>(std::log(numerator / static_cast<long double>(df + s)) + 1.0L);
    };
    // Most terms are in few documents, and many in equally many.
    std::vector<double> of_small(kSmallFrequency, -1);
    for (index_t j = 0; j < n_terms; ++j) {
        const std::int64_t df = document_frequency[j];
        if (df < 0 || df >= kSmallFrequency) {
            idf[static_cast<std::size_t>(j)] = of_frequency(df);
            continue;
        }
        double& known = of_small[static_cast<std::size_t>(df)];
        if (known == -1) known = of_frequency(df);
        idf[static_cast<std::size_t>(j)] = known;
    }
    return idf;
}

std::vector<double> sublinear_frequencies(index_t largest) {
    std::vector<double> factors(static_cast<std::size_t>(largest) + 1);
    for (index_t n = 0; n <= largest; ++n)
        factors[static_cast<std::size_t>(n)] = sublinear(static_cast<double>(n));
    return factors;
}

template <typename T>
void weight_rows(T* data, const std::int32_t* indices, const std::int64_t* indptr, index_t n_rows,
                 const WeightOptions& options, int n_threads) {
    parallel_for_rows(n_rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<double> values;
        for (index_t i = begin; i < end; ++i) {
            T* const row = data + indptr[i];
            values.assign(row, data + indptr[i + 1]);
            const auto n = static_cast<index_t>(values.size());
            weight_row(values.data(), indices + indptr[i], n, options);
            for (index_t p = 0; p < n; ++p) row[p] = static_cast<T>(values[static_cast<std::size_t>(p)]);
        }
    });
}

template void weight_rows(float*, const std::int32_t*, const std::int64_t*, index_t, const WeightOptions&,
                          int);
template void weight_rows(double*, const std::int32_t*, const std::int64_t*, index_t, const WeightOptions&,
                          int);

}  // namespace coterie::text
