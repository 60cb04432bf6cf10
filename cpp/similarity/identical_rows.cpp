#include "similarity/identical_rows.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "core/check.hpp"
#include "core/parallel.hpp"

namespace coterie {
namespace {

// One step of a multiplicative hash (the finaliser of SplitMix64).
std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
    h = (h ^ v) * 0xBF58476D1CE4E5B9u;
    return h ^ (h >> 29);
}

// + 0.0f makes -0 into +0.
std::uint64_t bits(float v) {
    return std::bit_cast<std::uint32_t>(v + 0.0f);
}

constexpr std::uint64_t kStart = 0x9E3779B97F4A7C15u;

// Steps wait for each other within a hash, so a long row is cut into several.
std::uint64_t hash_row(const MatrixView<const float>& x, index_t i) {
    constexpr index_t kHashes = 4;
    const float* const row = x.row(i);
    std::uint64_t h[kHashes] = {kStart, kStart + 1, kStart + 2, kStart + 3};
    index_t j = 0;
    for (; j + 2 * kHashes <= x.cols; j += 2 * kHashes)
        for (index_t q = 0; q < kHashes; ++q)
            h[q] = mix(h[q], bits(row[j + q]) << 32 | bits(row[j + kHashes + q]));
    for (; j < x.cols; ++j) h[0] = mix(h[0], bits(row[j]));
    return mix(mix(mix(h[0], h[1]), h[2]), h[3]);
}

// One cache line of a row tells most rows apart.
std::uint64_t hash_start(const MatrixView<const float>& x, index_t i) {
    return hash_row({x.data, x.rows, std::min<index_t>(x.cols, 16), x.stride}, i);
}

std::uint64_t hash_row(const CsrView& x, index_t i) {
    const SparseRow row = sparse_row(x, i);
    std::uint64_t h = kStart;
    for (index_t p = 0; p < row.nnz; ++p)
        h = mix(h, static_cast<std::uint64_t>(row.indices[p]) << 32 | bits(row.data[p]));
    return h;
}

std::uint64_t hash_start(const CsrView& x, index_t i) {
    return hash_row(x, i);
}

bool equal_rows(const MatrixView<const float>& x, index_t a, index_t b) {
    return std::equal(x.row(a), x.row(a) + x.cols, x.row(b));
}

bool equal_rows(const CsrView& x, index_t a, index_t b) {
    const SparseRow s = sparse_row(x, a), t = sparse_row(x, b);
    return s.nnz == t.nnz && std::equal(s.indices, s.indices + s.nnz, t.indices) &&
           std::equal(s.data, s.data + s.nnz, t.data);
}

struct HashedRow {
    std::uint64_t hash;
    std::int32_t row;

    bool operator<(const HashedRow& other) const {
        return hash < other.hash || (hash == other.hash && row < other.row);
    }
};

// The rows that share their hash with another, in order of the hash.
void keep_shared(std::vector<HashedRow>& rows) {
    std::sort(rows.begin(), rows.end());
    std::size_t kept = 0, n = rows.size();
    for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
        while (end < n && rows[end].hash == rows[begin].hash) ++end;
        if (end - begin > 1)
            while (begin < end) rows[kept++] = rows[begin++];
    }
    rows.resize(kept);
}

template <typename View>
std::vector<std::int32_t> group(const View& x, int n_threads) {
    require(x.rows <= std::numeric_limits<std::int32_t>::max(), "identical_rows",
            "X must have fewer than 2^31 rows; got ", x.rows);
    std::vector<HashedRow> rows(static_cast<std::size_t>(x.rows));
    parallel_for_rows(x.rows, 1024, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) rows[i] = {hash_start(x, i), static_cast<std::int32_t>(i)};
    });
    keep_shared(rows);
    parallel_for_rows(static_cast<index_t>(rows.size()), 1024, n_threads,
                      [&](index_t begin, index_t end, int) {
                          for (index_t p = begin; p < end; ++p) rows[p].hash = hash_row(x, rows[p].row);
                      });
    keep_shared(rows);
    std::vector<std::int32_t> first(static_cast<std::size_t>(x.rows));
    std::iota(first.begin(), first.end(), 0);
    // Distinct rows with one hash: each new one becomes a further leader of that hash.
    std::vector<std::int32_t> leaders;
    for (std::size_t p = 0; p < rows.size(); ++p) {
        const std::int32_t i = rows[p].row;
        if (p == 0 || rows[p].hash != rows[p - 1].hash) leaders.clear();
        const auto leader =
            std::find_if(leaders.begin(), leaders.end(), [&](std::int32_t l) { return equal_rows(x, l, i); });
        if (leader == leaders.end()) {
            leaders.push_back(i);
        } else {
            first[i] = *leader;
        }
    }
    return first;
}

}  // namespace

std::vector<std::int32_t> identical_rows(const MatrixView<const float>& x, int n_threads) {
    return group(x, n_threads);
}
std::vector<std::int32_t> identical_rows(const CsrView& x, int n_threads) {
    return group(x, n_threads);
}

}  // namespace coterie
