#include "similarity/pair_similarities.hpp"

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "kernels/kernels.hpp"
#include "similarity/measures.hpp"

namespace coterie {
namespace {

template <typename Score>
std::vector<float> score_pairs(index_t n_rows, const std::int32_t* first, const std::int32_t* second,
                               index_t n_pairs, int n_threads, const Score& score) {
    for (index_t p = 0; p < n_pairs; ++p)
        require(first[p] >= 0 && first[p] < n_rows && second[p] >= 0 && second[p] < n_rows,
                "pair_similarities", "pair ", p, " must be two rows of ", n_rows, "; got ", first[p], " and ",
                second[p]);
    std::vector<float> similarities(static_cast<std::size_t>(n_pairs));
    parallel_for_rows(n_pairs, 256, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t p = begin; p < end; ++p)
            similarities[p] = static_cast<float>(score(first[p], second[p]));
    });
    return similarities;
}

template <typename Measure>
std::vector<float> sparse_pairs(const CsrView& x, const std::int32_t* first, const std::int32_t* second,
                                index_t n_pairs, int n_threads) {
    return score_pairs(x.rows, first, second, n_pairs, n_threads, [&](index_t i, index_t j) {
        const SparseRow a = sparse_row(x, i), b = sparse_row(x, j);
        return pair_score<Measure>(a, b, Measure::size(a), Measure::size(b));
    });
}

}  // namespace

std::vector<float> cosine_pairs(const MatrixView<const float>& x, const std::int32_t* first,
                                const std::int32_t* second, index_t n_pairs, int n_threads) {
    const auto dot = kernels::active().dot;
    return score_pairs(x.rows, first, second, n_pairs, n_threads, [&](index_t i, index_t j) {
        const float *const a = x.row(i), *const b = x.row(j);
        const double scale = std::sqrt(dot(a, a, x.cols)) * std::sqrt(dot(b, b, x.cols));
        return CosineMeasure::clamped(dot(a, b, x.cols), scale);
    });
}

std::vector<float> cosine_pairs(const CsrView& x, const std::int32_t* first, const std::int32_t* second,
                                index_t n_pairs, int n_threads) {
    return sparse_pairs<CosineMeasure>(x, first, second, n_pairs, n_threads);
}

std::vector<float> jaccard_pairs(const CsrView& x, const std::int32_t* first, const std::int32_t* second,
                                 index_t n_pairs, int n_threads) {
    return sparse_pairs<JaccardMeasure>(x, first, second, n_pairs, n_threads);
}

}  // namespace coterie
