#include "text/write_rows.hpp"

#include <algorithm>
#include <array>

namespace coterie::text {
namespace {

// Above this many entries per row the rows of a chunk are sorted together, by radix.
constexpr std::int64_t kLongRow = 24;
constexpr int kDigitBits = 11;
// Up to as many entries a row is sorted without branches.
constexpr std::int64_t kShortRow = 24;

// One stable counting pass by the digit of the column (the high half of a key) that begins at shift.
void scatter_by_digit(const std::vector<std::uint64_t>& from, std::vector<std::uint64_t>& to, int shift) {
    constexpr std::uint64_t kDigits = std::uint64_t{1} << kDigitBits;
    std::array<std::uint32_t, kDigits> begin{};
    const auto digit = [&](std::uint64_t key) { return key >> (32 + shift) & (kDigits - 1); };
    for (const std::uint64_t key : from) ++begin[digit(key)];
    std::uint32_t sum = 0;
    for (std::uint32_t& b : begin) {
        const std::uint32_t n = b;
        b = sum;
        sum += n;
    }
    for (const std::uint64_t key : from) to[begin[digit(key)]++] = key;
}

// Four columns, compared at once.
using Four = std::int32_t __attribute__((vector_size(16)));

// A row of at most 4 * kFours entries: the place of a column is how many of the row's columns, which are distinct, are
// less. No branch depends on the columns, so that none is mispredicted as in a sort.
template <int kFours>
void place_entries(const Entry* entries, int n, std::int32_t* indices, double* values) {
    union {
        Four fours[kFours];
        std::int32_t columns[4 * kFours];
    } row, places;
    for (int i = 0; i < 4 * kFours; ++i)
        row.columns[i] = i < n ? static_cast<std::int32_t>(entries[i].term) : 0;
    for (int f = 0; f < kFours; ++f) places.fours[f] = Four{};
    for (int j = 0; j < n; ++j) {
        const std::int32_t c = row.columns[j];
        const Four other = {c, c, c, c};
        for (int f = 0; f < kFours; ++f) places.fours[f] -= row.fours[f] > other;
    }
    for (int i = 0; i < n; ++i) {
        indices[places.columns[i]] = row.columns[i];
        values[places.columns[i]] = static_cast<double>(entries[i].count);
    }
}

}  // namespace

void translate_to_columns(CountedRows& rows, const std::vector<std::int32_t>& columns) {
    Entry* out = rows.entries.data();
    const Entry* in = out;
    for (std::int64_t& length : rows.row_lengths) {
        Entry* const begin = out;
        for (const Entry* const end = in + length; in != end; ++in) {
            const std::int32_t column = columns[in->term];
            *out = {static_cast<TermId>(column), in->count};
            out += column >= 0;
        }
        length = out - begin;
    }
    rows.entries.resize(static_cast<std::size_t>(out - rows.entries.data()));
}

void RowWriter::sort_each_row(const CountedRows& rows, std::int32_t* indices) {
    const Entry* entry = rows.entries.data();
    std::size_t at = 0;
    for (const std::int64_t length : rows.row_lengths) {
        if (length <= kShortRow) {
            const int n = static_cast<int>(length);
            const auto place = n <= 8 ? place_entries<2> : n <= 16 ? place_entries<4> : place_entries<6>;
            place(entry, n, indices + at, values_.data() + at);
            entry += length;
            at += static_cast<std::size_t>(length);
            continue;
        }
        keys_.clear();
        for (const Entry* const end = entry + length; entry != end; ++entry)
            keys_.push_back(std::uint64_t{entry->term} << 32 | entry->count);
        std::sort(keys_.begin(), keys_.end());
        for (const std::uint64_t key : keys_) {
            indices[at] = static_cast<std::int32_t>(key >> 32);
            values_[at++] = static_cast<double>(key & 0xFFFFFFFF);
        }
    }
}

// All entries in column order, then dealt out to their rows, whose order by column that leaves.
void RowWriter::sort_all_rows(const CountedRows& rows, index_t n_columns, std::int32_t* indices) {
    const std::size_t n = rows.entries.size();
    keys_.resize(n);
    sorted_.resize(n);
    row_of_.resize(n);
    next_.clear();
    std::size_t i = 0;
    for (const std::int64_t length : rows.row_lengths) {
        next_.push_back(static_cast<std::int64_t>(i));
        for (const std::size_t end = i + static_cast<std::size_t>(length); i < end; ++i) {
            keys_[i] = std::uint64_t{rows.entries[i].term} << 32 | i;
            row_of_[i] = static_cast<std::uint32_t>(next_.size() - 1);
        }
    }
    for (int shift = 0; shift < 31 && (n_columns - 1) >> shift != 0; shift += kDigitBits) {
        scatter_by_digit(keys_, sorted_, shift);
        keys_.swap(sorted_);
    }
    for (const std::uint64_t key : keys_) {
        const std::size_t entry = key & 0xFFFFFFFF;
        const auto at = static_cast<std::size_t>(next_[row_of_[entry]]++);
        indices[at] = static_cast<std::int32_t>(key >> 32);
        values_[at] = static_cast<double>(rows.entries[entry].count);
    }
}

template <typename T>
void RowWriter::write(const CountedRows& rows, index_t n_columns, const WeightOptions& weights,
                      std::int32_t* indices, T* data) {
    const auto n = static_cast<std::int64_t>(rows.entries.size());
    values_.resize(rows.entries.size());
    if (n > kLongRow * static_cast<std::int64_t>(rows.row_lengths.size()) && n < std::int64_t{1} << 32) {
        sort_all_rows(rows, n_columns, indices);
    } else {
        sort_each_row(rows, indices);
    }
    std::int64_t at = 0;
    for (const std::int64_t length : rows.row_lengths) {
        weight_row(values_.data() + at, indices + at, length, weights);
        at += length;
    }
    for (std::int64_t p = 0; p < n; ++p) data[p] = static_cast<T>(values_[static_cast<std::size_t>(p)]);
}

template void RowWriter::write(const CountedRows&, index_t, const WeightOptions&, std::int32_t*, float*);
template void RowWriter::write(const CountedRows&, index_t, const WeightOptions&, std::int32_t*, double*);
template void RowWriter::write(const CountedRows&, index_t, const WeightOptions&, std::int32_t*,
                               std::int64_t*);

}  // namespace coterie::text
