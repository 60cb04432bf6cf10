#include "similarity/dense_direct.hpp"

#include <cmath>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "kernels/kernels.hpp"
#include "similarity/dense_norms.hpp"
#include "similarity/measures.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "cosine_top_k";
// Up to so many rows of X cost less than the packing of Y.
constexpr index_t kFewRows = 32;
// With such a part of Y or more in the answer (a third, a quarter of it breaks even) the filter saves less than its lists cost.
constexpr index_t kLeastPart = 3;
// Rows of X scored together, and of one call of the kernel.
constexpr index_t kRows = 32, kTogether = 8;
// From so many rows of X on, the kernel for which they are widened once is quicker.
constexpr index_t kLeastWide = 4;
// Scores at a time, 512 KB, and what keeps rows of them off the same cache lines.
constexpr index_t kScores = index_t{1} << 16, kSkew = 8;

// The best of one row of X so far.
struct Shortlist {
    std::vector<Candidate> items;
    std::vector<float> keys;  // scratch
    float least;              // what is below it, rounded, cannot enter
};

class DirectSearch {
  public:
    DirectSearch(const MatrixView<const float>& x, const MatrixView<const float>& y,
                 const NeighbourQuery& query, int n_threads)
        : x_(x),
          y_(y),
          query_(query),
          n_threads_(n_threads),
          d_padded_(ceil_div(x.cols, kTogether) * kTogether),
          x_norms_(dense_norms(x, kOp, n_threads)),
          y_norms_(static_cast<std::size_t>(y.rows)) {}

    NeighbourBlock search(index_t begin, index_t end);

  private:
    void multiply(index_t first, index_t count, double* dots) const;
    void score(index_t first, index_t n);
    void choose(index_t i, Shortlist& list, const double* scores, index_t first, index_t n) const;
    void shorten(Shortlist& list) const;

    MatrixView<const float> x_, y_;
    NeighbourQuery query_;
    int n_threads_;
    index_t d_padded_;
    std::vector<double> x_norms_, y_norms_;  // of Y as they are met
    index_t begin_ = 0, m_ = 0;              // the rows of X at hand
    index_t stride_ = 0;                     // of scores_
    std::vector<double> wide_, scores_;
};

// dots[r * stride_ + q] of rows begin_ + r of X and rows first + q of Y, q < count <= kTogether.
void DirectSearch::multiply(index_t first, index_t count, double* dots) const {
    const kernels::Table& t = kernels::active();
    if (m_ < kLeastWide) {
        const float* rows[kTogether];
        for (index_t q = 0; q < count; ++q) rows[q] = y_.row(first + q);
        for (index_t r = 0; r < m_; ++r)
            t.dot_rows(x_.row(begin_ + r), rows, count, y_.cols, dots + r * stride_);
        return;
    }
    double some[kTogether];
    // The widened rows of a group stay in the first-level cache, or nearly, for several rows of Y.
    for (index_t r = 0; r < m_; r += kTogether) {
        const index_t rows = std::min(kTogether, m_ - r);
        for (index_t q = 0; q < count; ++q) {
            t.dots(y_.row(first + q), wide_.data() + r * d_padded_, d_padded_, rows, y_.cols, some);
            for (index_t p = 0; p < rows; ++p) dots[(r + p) * stride_ + q] = some[p];
        }
    }
}

// scores_[r * stride_ + c] of rows begin_ + r of X and columns first + c.
void DirectSearch::score(index_t first, index_t n) {
    const auto dot = kernels::active().dot;
    stride_ = n + kSkew;
    scores_.resize(static_cast<std::size_t>(m_ * stride_));
    parallel_for_rows(n, 128, n_threads_, [&](index_t from, index_t to, int) {
        for (index_t c = from; c < to; c += kTogether) {
            const index_t count = std::min(kTogether, to - c);
            double* const norms = &y_norms_[static_cast<std::size_t>(first + c)];
            for (index_t q = 0; q < count && begin_ == 0; ++q)
                norms[q] = std::sqrt(dot(y_.row(first + c + q), y_.row(first + c + q), y_.cols));
            multiply(first + c, count, &scores_[static_cast<std::size_t>(c)]);
            for (index_t r = 0; r < m_; ++r) {
                double* const scores = &scores_[static_cast<std::size_t>(r * stride_ + c)];
                for (index_t q = 0; q < count; ++q)
                    scores[q] = CosineMeasure::clamped(scores[q], x_norms_[begin_ + r] * norms[q]);
            }
        }
    });
}

void DirectSearch::shorten(Shortlist& list) const {
    auto& items = list.items;
    const float kth = kth_largest(items, query_.k, list.keys,
                                  [](const Candidate& c) { return static_cast<float>(c.score); });
    list.least = std::max(list.least, kth);
    std::erase_if(items, [kth](const Candidate& c) { return static_cast<float>(c.score) < kth; });
    // Ties of the rounded score are settled by the score itself.
    if (static_cast<index_t>(items.size()) <= query_.k) return;
    std::nth_element(items.begin(), items.begin() + query_.k, items.end(), better);
    items.resize(static_cast<std::size_t>(query_.k));
}

void DirectSearch::choose(index_t i, Shortlist& list, const double* scores, index_t first, index_t n) const {
    constexpr index_t kStep = 1024;
    auto& items = list.items;
    const index_t excluded = query_.excluded == nullptr ? -1 : query_.excluded[i] - first;
    for (index_t c = 0; c < n; c += kStep) {
        const index_t end = std::min(c + kStep, n);
        const std::size_t n_before = items.size();
        items.resize(n_before + static_cast<std::size_t>(end - c));
        Candidate* next = items.data() + n_before;
        for (index_t j = c; j < end; ++j) {
            *next = {scores[j], static_cast<std::int32_t>(first + j)};
            next += static_cast<int>(static_cast<float>(scores[j]) >= list.least) &
                    static_cast<int>(j != excluded);
        }
        items.resize(static_cast<std::size_t>(next - items.data()));
        if (query_.k > 0 && static_cast<index_t>(items.size()) >= 2 * query_.k + kStep) shorten(list);
    }
}

NeighbourBlock DirectSearch::search(index_t begin, index_t end) {
    begin_ = begin;
    m_ = end - begin;
    wide_.assign(static_cast<std::size_t>(m_ * d_padded_), 0.0);
    for (index_t r = 0; r < m_; ++r)
        std::copy(x_.row(begin + r), x_.row(begin + r) + x_.cols, wide_.data() + r * d_padded_);
    std::vector<Shortlist> lists(static_cast<std::size_t>(m_));
    for (Shortlist& list : lists) list.least = query_.threshold;
    const index_t columns = kScores / m_;
    for (index_t first = 0; first < y_.rows; first += columns) {
        const index_t n = std::min(columns, y_.rows - first);
        score(first, n);
        if (begin == 0) check_norms(&y_norms_[static_cast<std::size_t>(first)], n, y_, kOp, n_threads_);
        parallel_for(m_, n_threads_, [&](index_t r, int) {
            choose(begin + r, lists[static_cast<std::size_t>(r)], scores_.data() + r * stride_, first, n);
        });
    }
    parallel_for(m_, n_threads_, [&](index_t r, int) {
        Shortlist& list = lists[static_cast<std::size_t>(r)];
        if (query_.k > 0 && static_cast<index_t>(list.items.size()) > query_.k) shorten(list);
        sort_best_first(list.items);
    });
    NeighbourBlock block;
    for (const Shortlist& list : lists) block.append(list.items);
    return block;
}

}  // namespace

bool pays_directly(index_t x_rows, index_t y_rows, index_t k) {
    return x_rows <= kFewRows || k >= ceil_div(y_rows, kLeastPart);
}

Neighbours direct_neighbours(const MatrixView<const float>& x, const MatrixView<const float>& y,
                             const NeighbourQuery& query, int n_threads) {
    if (x.rows == 0) check_finite(y, kOp, n_threads);
    DirectSearch search(x, y, query, n_threads);
    std::vector<NeighbourBlock> blocks;
    for (index_t begin = 0; begin < x.rows; begin += kRows)
        blocks.push_back(search.search(begin, std::min(begin + kRows, x.rows)));
    return concatenate(std::move(blocks), x.rows);
}

}  // namespace coterie
