#include "topics/cluster_sums.hpp"

#include <bit>
#include <cstddef>
#include <limits>
#include <utility>

#include "core/check.hpp"
#include "core/parallel.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "cluster_sums";

// Row numbers grouped by cluster, increasing within a cluster: those of c are rows[start[c]] .. rows[start[c
// + 1]].
struct RowsByCluster {
    std::vector<index_t> rows;
    std::vector<index_t> start;
};

RowsByCluster group_rows(const std::int32_t* labels, index_t n_rows, index_t n_clusters) {
    RowsByCluster groups;
    groups.start.assign(static_cast<std::size_t>(n_clusters + 1), 0);
    for (index_t i = 0; i < n_rows; ++i) {
        require(labels[i] >= -1 && labels[i] < n_clusters, kOp, "labels[", i, "]=", labels[i],
                " must be between -1 and n_clusters - 1 = ", n_clusters - 1);
        if (labels[i] >= 0) ++groups.start[static_cast<std::size_t>(labels[i] + 1)];
    }
    for (std::size_t c = 1; c < groups.start.size(); ++c) groups.start[c] += groups.start[c - 1];
    groups.rows.resize(static_cast<std::size_t>(groups.start.back()));
    std::vector<index_t> next(groups.start.begin(), groups.start.end() - 1);
    for (index_t i = 0; i < n_rows; ++i)
        if (labels[i] >= 0)
            groups.rows[static_cast<std::size_t>(next[static_cast<std::size_t>(labels[i])]++)] = i;
    return groups;
}

// One thread's dense accumulator, all zero between clusters. Bit t of has says that column t occurred: reading the bits in
// their order spares sorting.
struct Accumulator {
    std::vector<double> sums;
    std::vector<std::uint64_t> has;
};

struct SparseSums {
    std::vector<double> data;
    std::vector<std::int32_t> indices;
};

SparseSums sum_rows(const CsrView& x, const index_t* first, const index_t* last, const double* row_weights,
                    Accumulator& scratch) {
    for (const index_t* i = first; i != last; ++i) {
        const SparseRow row = sparse_row(x, *i);
        const double weight = row_weights ? row_weights[*i] : 1.0;
        for (index_t p = 0; p < row.nnz; ++p) {
            const auto t = static_cast<std::size_t>(row.indices[p]);
            scratch.has[t / 64] |= std::uint64_t{1} << t % 64;
            scratch.sums[t] += weight * static_cast<double>(row.data[p]);
        }
    }
    SparseSums out;
    for (std::size_t word = 0; word < scratch.has.size(); ++word) {
        for (std::uint64_t left = std::exchange(scratch.has[word], 0); left != 0; left &= left - 1) {
            const std::size_t t = word * 64 + static_cast<std::size_t>(std::countr_zero(left));
            out.indices.push_back(static_cast<std::int32_t>(t));
            out.data.push_back(std::exchange(scratch.sums[t], 0.0));
        }
    }
    return out;
}

}  // namespace

ClusterSums cluster_sums(const CsrView& x, const std::int32_t* labels, index_t n_clusters,
                         const double* row_weights, int n_threads) {
    require(n_clusters >= 1 && n_clusters <= std::numeric_limits<std::int32_t>::max(), kOp,
            "n_clusters=", n_clusters, " must be between 1 and 2**31 - 1");
    const RowsByCluster groups = group_rows(labels, x.rows, n_clusters);
    std::vector<Accumulator> scratch(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    std::vector<SparseSums> parts(static_cast<std::size_t>(n_clusters));
    parallel_for(n_clusters, n_threads, [&](index_t c, int slot) {
        Accumulator& mine = scratch[static_cast<std::size_t>(slot)];
        if (mine.sums.empty()) {
            mine.sums.resize(static_cast<std::size_t>(x.cols));
            mine.has.resize(static_cast<std::size_t>(ceil_div(x.cols, 64)));
        }
        const index_t* rows = groups.rows.data();
        parts[static_cast<std::size_t>(c)] =
            sum_rows(x, rows + groups.start[static_cast<std::size_t>(c)],
                     rows + groups.start[static_cast<std::size_t>(c + 1)], row_weights, mine);
    });

    ClusterSums sums;
    sums.indptr.push_back(0);
    for (const SparseSums& part : parts)
        sums.indptr.push_back(sums.indptr.back() + static_cast<index_t>(part.data.size()));
    sums.data.reserve(static_cast<std::size_t>(sums.indptr.back()));
    sums.indices.reserve(static_cast<std::size_t>(sums.indptr.back()));
    for (SparseSums& part : parts) {
        sums.data.insert(sums.data.end(), part.data.begin(), part.data.end());
        sums.indices.insert(sums.indices.end(), part.indices.begin(), part.indices.end());
        part = {};
    }
    return sums;
}

}  // namespace coterie
