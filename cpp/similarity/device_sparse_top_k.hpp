// Neighbours of CSR rows on a device: every pair by its canonical score, columns in increasing order.
#pragma once

#include "similarity/device_best.hpp"

namespace coterie::device {

// The formulas of measures.hpp.
struct Cosine {
    static constexpr const char* kName = "cosine neighbours of sparse rows";
    COTERIE_HOST_DEVICE static double term(double a, double b) { return a * b; }
    COTERIE_HOST_DEVICE static double score(double n, double x_size, double y_size) {
        const double scale = x_size * y_size;
        if (scale == 0) return 0;
        const double value = n / scale;
        return value < -1.0 ? -1.0 : value > 1.0 ? 1.0 : value;
    }
};

struct Jaccard {
    static constexpr const char* kName = "Jaccard neighbours of sparse rows";
    COTERIE_HOST_DEVICE static double term(double a, double b) { return b < a ? b : a; }
    COTERIE_HOST_DEVICE static double score(double n, double x_size, double y_size) {
        const double most = x_size + y_size - n;
        if (most <= 0) return 0;
        const double value = n / most;
        return value > 1.0 ? 1.0 : value;
    }
};

// A block takes a row of X, a thread one row of Y at a time. Which of a row's columns X has too is asked of a table of bits, one
// for all columns that are equal modulo its size, and then of the row of X itself.
template <typename Measure, typename Kept>
struct SparseTopK {
    static constexpr const char* kName = Measure::kName;
    static constexpr int kThreads = 256;
    static constexpr bool kHasSharedAtomics = true;
    static constexpr std::uint32_t kBits = 1u << 17;
    static constexpr std::size_t kTableBytes = kBits / 8;
    static constexpr std::size_t kSharedBytes = kTableBytes + Kept::bytes(kThreads);

    CsrView x, y;
    const double *x_size, *y_size;
    index_t first;  // row of X that the first block takes
    Wanted wanted;
    typename Kept::Answers answers;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        std::uint32_t* const table = block.template shared<std::uint32_t>(0);
        const index_t i = first + block.block();
        const Kept best = Kept::at(block, kTableBytes, wanted, answers, block.block(), i);
        const SparseRow row{x.data + x.indptr[i], x.indices + x.indptr[i], x.indptr[i + 1] - x.indptr[i]};
        const index_t excluded = wanted.excluded == nullptr ? -1 : wanted.excluded[i];
        block.each([&](int t) {
            for (std::uint32_t w = static_cast<std::uint32_t>(t); w < kBits / 32; w += kThreads) table[w] = 0;
            if (t == 0) best.clear();
        });
        block.sync();
        block.each([&](int t) {
            for (index_t p = t; p < row.nnz; p += kThreads) {
                const std::uint32_t bit = static_cast<std::uint32_t>(row.indices[p]) % kBits;
                cuda::atomic_or(table + bit / 32, 1u << bit % 32);
            }
        });
        block.sync();
        const index_t end = wanted.below_only ? i : y.rows;
        for (index_t begin = 0; begin < end; begin += kThreads) {
            block.each([&](int t) {
                const index_t j = begin + t;
                if (j < end && j != excluded)
                    best.offer(Measure::score(sum(row, table, j), x_size[i], y_size[j]), j);
            });
            block.sync();
            block.each([&](int t) {
                if (t == 0) best.take_waiting();
            });
            block.sync();
        }
        block.each([&](int t) { best.write(t, kThreads); });
    }

  private:
    COTERIE_HOST_DEVICE double sum(const SparseRow& row, const std::uint32_t* table, index_t j) const {
        double total = 0;
        index_t place = 0;  // columns of both rows increase, so the search goes on from the last hit
        for (index_t q = y.indptr[j]; q < y.indptr[j + 1]; ++q) {
            const std::int32_t column = y.indices[q];
            const std::uint32_t bit = static_cast<std::uint32_t>(column) % kBits;
            if ((table[bit / 32] >> bit % 32 & 1u) == 0) continue;
            index_t end = row.nnz;
            while (place < end) {
                const index_t middle = (place + end) / 2;
                if (row.indices[middle] < column) {
                    place = middle + 1;
                } else {
                    end = middle;
                }
            }
            if (place == row.nnz) break;
            if (row.indices[place] == column)
                total += Measure::term(static_cast<double>(row.data[place]), static_cast<double>(y.data[q]));
        }
        return total;
    }
};

}  // namespace coterie::device
