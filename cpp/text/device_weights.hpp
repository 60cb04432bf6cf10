// Device programs that make rows of a matrix of counted entries: weight_row in its order, so the same bits.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/types.hpp"
#include "cuda/atomics.hpp"
#include "text/tfidf.hpp"

namespace coterie::text::device {

inline constexpr int kRowThreads = 256;

// Entries' columns: keys[e] = document and column, in whose order they are those of the rows; without a column all bits are 1.
struct FindColumns {
    static constexpr const char* kName = "columns of entries";
    static constexpr int kThreads = kRowThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const std::uint64_t* entries;   // [n] document << 32 | term
    const std::int32_t* column_of;  // [terms] or -1
    index_t n;
    int column_bits;
    std::uint64_t* keys;        // [n] document << column_bits | column
    std::uint32_t* row_length;  // [documents], from zero

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t e = block.block() * kThreads + t;
            if (e >= n) return;
            const std::uint64_t document = entries[e] >> 32;
            const std::int32_t column = column_of[entries[e] & 0xFFFFFFFF];
            keys[e] =
                column < 0 ? ~std::uint64_t{0} : document << column_bits | static_cast<std::uint64_t>(column);
            if (column >= 0) cuda::atomic_add(row_length + document, 1u);
        });
    }
};

// Rows of sorted entries, and how they are weighed. The logarithms come from tables of the host, which takes them in extended
// precision.
struct WeightedRows {
    const std::uint64_t* keys;  // document << column_bits | column
    const std::uint32_t* counts;
    const std::int64_t* begin;  // [n_rows + 1]
    index_t n_rows, n_entries;
    int column_bits;
    TermFrequency tf;
    Norm norm;
    const double* idf;        // [columns], or null
    const double* sublinear;  // [largest count + 1], 1 + ln n

    COTERIE_HOST_DEVICE std::int32_t column(index_t e) const {
        return static_cast<std::int32_t>(keys[e] & ((std::uint64_t{1} << column_bits) - 1));
    }
    COTERIE_HOST_DEVICE index_t row(index_t e) const { return static_cast<index_t>(keys[e] >> column_bits); }

    // total: all counts of the row.
    COTERIE_HOST_DEVICE double value(index_t e, double total) const {
        double v = static_cast<double>(counts[e]);
        if (tf == TermFrequency::binary) v = 1;
        if (tf == TermFrequency::sublinear) v = sublinear[counts[e]];
        if (tf == TermFrequency::relative && total != 0) v /= total;
        if (idf != nullptr) v *= idf[column(e)];
        return v;
    }
};

// A thread takes a row: its sums have an order.
struct RowNorms {
    static constexpr const char* kName = "norms of rows";
    static constexpr int kThreads = kRowThreads;
    static constexpr std::size_t kSharedBytes = 0;

    WeightedRows rows;
    double *totals, *norms;  // [n_rows] out

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kThreads + t;
            if (i >= rows.n_rows) return;
            double total = 0, norm = 0;
            if (rows.tf == TermFrequency::relative)
                for (index_t e = rows.begin[i]; e < rows.begin[i + 1]; ++e)
                    total += static_cast<double>(rows.counts[e]);
            for (index_t e = rows.begin[i]; e < rows.begin[i + 1] && rows.norm != Norm::none; ++e) {
                const double v = rows.value(e, total);
                const double term = rows.norm == Norm::l1 ? fabs(v) : v * v;
                norm += term;
            }
            totals[i] = total;
            norms[i] = rows.norm == Norm::l2 ? sqrt(norm) : norm;
        });
    }
};

template <typename T>
struct WriteRows {
    static constexpr const char* kName = "weights of terms";
    static constexpr int kThreads = kRowThreads;
    static constexpr std::size_t kSharedBytes = 0;

    WeightedRows rows;
    const double *totals, *norms;
    std::int32_t* indices;  // [n_entries] out
    T* data;                // [n_entries] out

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t e = block.block() * kThreads + t;
            if (e >= rows.n_entries) return;
            const index_t i = rows.row(e);
            double v = rows.value(e, totals[i]);
            if (norms[i] != 0) v /= norms[i];
            indices[e] = rows.column(e);
            data[e] = static_cast<T>(v);
        });
    }
};

}  // namespace coterie::text::device
