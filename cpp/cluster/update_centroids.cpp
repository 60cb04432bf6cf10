#include "cluster/update_centroids.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cluster/empty_columns.hpp"
#include "cluster/farthest_rows.hpp"
#include "cluster/row_moves.hpp"
#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/prefetch.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kFeaturesPerTask = 96;
constexpr index_t kRowsPerTask = 1024;
constexpr index_t kSumsInCache = 1 << 16;  // numbers, half a MiB: what a thread keeps for itself
constexpr index_t kColumnsPerTask = kernels::kTermColumns;

// A task has some microseconds to run, so that few clusters of few features wake no thread.
index_t clusters_per_task(index_t d) {
    constexpr index_t kNumbersPerTask = 1 << 11;
    return std::max<index_t>(1, kNumbersPerTask / std::max<index_t>(1, d));
}

std::vector<index_t> feature_ranges(const Samples<Dense>&) {
    return {};
}

// Two a thread: every range looks into every row that moved. Integer sums are the same for any ranges.
std::vector<index_t> feature_ranges(const Samples<Sparse>& samples) {
    const int n_threads = resolve_thread_count(samples.n_threads);
    if (n_threads == 1) return {0, samples.x.cols};
    return balanced_ranges(samples.term_use().count, 2 * index_t{n_threads});
}

index_t n_nonzero(const Samples<Dense>&) {
    return 0;
}
index_t n_nonzero(const Samples<Sparse>& samples) {
    return samples.x.nnz();
}

// Adds w times a row's nonzeros with columns in [begin, end) to cluster c; rounding is the same for -w, with the sign.
void add_nonzeros(SparseRow row, double norm, double w, const double* scale, index_t begin, index_t end,
                  std::int32_t c, SumLines& sums) {
    const std::int32_t* const first =
        begin == 0 ? row.indices : std::lower_bound(row.indices, row.indices + row.nnz, begin);
    for (index_t p = first - row.indices; p < row.nnz && row.indices[p] < end; ++p) {
        const index_t j = row.indices[p];
        const double unit =
            norm == 1.0 ? row.data[p] : static_cast<double>(static_cast<float>(row.data[p] / norm));
        sums.at(c, j) += std::llrint((w * unit) * scale[j]);
    }
}

// Moved rows lie anywhere, and so do their sums: their memory is asked for this many moves before.
constexpr index_t kRowsAhead = 16, kSumsAhead = 4;

void fetch_row(const Samples<Sparse>& samples, const RowMove& move) {
    const SparseRow row = move.nonzeros(samples.x);
    prefetch(row.indices, row.nnz);
    prefetch(row.data, row.nnz);
    if (samples.metric == Metric::cosine) prefetch_line(samples.squared_norm.data() + move.row);
}

void fetch_sums(const Samples<Sparse>& samples, const RowMove& move, const SumLines& sums) {
    const SparseRow row = move.nonzeros(samples.x);
    for (index_t p = 0; p < row.nnz; ++p) sums.fetch(move.cluster, row.indices[p]);
}

void want_nonzeros(SparseRow row, std::int32_t to, std::int32_t from, SumLines& sums) {
    for (index_t p = 0; p < row.nnz; ++p) {
        sums.want(to, row.indices[p]);
        if (from >= 0) sums.want(from, row.indices[p]);
    }
}

}  // namespace

template <typename View>
ClusterSums<View>::ClusterSums(const Samples<View>& samples, index_t k, Scales scales)
    : samples_(&samples),
      n_threads_(samples.n_threads),
      metric_(samples.metric),
      k_(k),
      d_(samples.x.cols),
      scale_(std::move(scales.feature)),
      weight_scale_(scales.weight),
      sums_(samples.x.cols, k),
      weight_(static_cast<std::size_t>(k), 0),
      member_(static_cast<std::size_t>(samples.x.rows), -1),
      range_(feature_ranges(samples)),
      n_ranged_(n_nonzero(samples)),
      length_(static_cast<std::size_t>(ceil_div(k, kColumnsPerTask) * kColumnsPerTask), 1.0) {
    require(static_cast<index_t>(scale_.size()) == d_, "kmeans", "n_features=", d_,
            " must be that of the scales, ", scale_.size());
}

template <typename View>
double ClusterSums<View>::weight_of_cluster(index_t c) const {
    return static_cast<double>(weight_[static_cast<std::size_t>(c)]) / weight_scale_;
}

template <typename View>
void ClusterSums<View>::clear() {
    sums_.set_zero();
    std::fill(weight_.begin(), weight_.end(), 0);
    terms_exceed_sums_ = true;
}

template <typename View>
void ClusterSums<View>::go_on_with(const Samples<View>& samples) {
    samples_ = &samples;
    n_threads_ = samples.n_threads;
    member_.assign(static_cast<std::size_t>(samples.x.rows), -1);
    // Ranges that are even for some rows are nearly so for others, and counting a block's terms costs as much as a pass over it.
    if (n_nonzero(samples) < 2 * n_ranged_ + 1) return;
    range_ = feature_ranges(samples);
    n_ranged_ = n_nonzero(samples);
}

template <typename View>
void ClusterSums<View>::start_from(const std::int32_t* members) {
    std::copy(members, members + samples_->x.rows, member_.begin());
}

template <typename View>
void ClusterSums<View>::set(const std::int64_t* sums, const std::int64_t* weight) {
    sums_.set_zero();
    const auto for_each_nonzero = [&](const auto& use) {
        parallel_for_rows(d_, 256, n_threads_, [&](index_t begin, index_t end, int) {
            for (index_t c = 0; c < k_; ++c)
                for (index_t j = begin; j < end; ++j)
                    if (sums[c * d_ + j] != 0) use(c, j);
        });
    };
    for_each_nonzero([&](index_t c, index_t j) { sums_.want(c, j); });
    sums_.place(n_threads_);
    for_each_nonzero([&](index_t c, index_t j) { sums_.at(c, j) = sums[c * d_ + j]; });
    std::copy(weight, weight + k_, weight_.begin());
}

template <typename View>
void ClusterSums<View>::copy(std::int64_t* sums, std::int64_t* weight) const {
    parallel_for_rows(d_, 256, n_threads_, [&](index_t begin, index_t end, int) {
        for (index_t c = 0; c < k_; ++c)
            for (index_t j = begin; j < end; ++j) sums[c * d_ + j] = sums_.at(c, j);
    });
    std::copy(weight_.begin(), weight_.end(), weight);
}

template <>
void ClusterSums<Dense>::move_row(index_t i, std::int32_t to) {
    const std::int32_t from = member_[static_cast<std::size_t>(i)];
    kernels::active().move_row(samples_->x.row(i), samples_->length(i), samples_->weight_of(i), scale_.data(),
                               d_, sums_.of_cluster(to), from >= 0 ? sums_.of_cluster(from) : nullptr);
}

template <>
void ClusterSums<Sparse>::move_row(index_t i, std::int32_t to) {
    const SparseRow row = sparse_row(samples_->x, i);
    const std::int32_t from = member_[static_cast<std::size_t>(i)];
    want_nonzeros(row, to, from, sums_);
    sums_.place_stripe(to / kColumnsPerTask);
    if (from >= 0) sums_.place_stripe(from / kColumnsPerTask);
    const double length = samples_->length(i), w = samples_->weight_of(i);
    add_nonzeros(row, length, w, scale_.data(), 0, d_, to, sums_);
    if (from >= 0) add_nonzeros(row, length, -w, scale_.data(), 0, d_, from, sums_);
}

// Late iterations move few rows: most blocks are done with one comparison.
template <typename View>
void ClusterSums<View>::list_moved(const std::int32_t* labels) {
    constexpr index_t kBlock = 64;
    moved_.clear();
    const index_t n = samples_->x.rows;
    for (index_t begin = 0; begin < n; begin += kBlock) {
        const index_t end = std::min(begin + kBlock, n);
        if (std::equal(labels + begin, labels + end, member_.data() + begin)) continue;
        for (index_t i = begin; i < end; ++i)
            if (member_[static_cast<std::size_t>(i)] != labels[i]) moved_.push_back(i);
    }
}

template <typename View>
void ClusterSums<View>::move_rows(const std::int32_t* labels) {
    list_moved(labels);
    bool any_is_held = false;
    for (const index_t i : moved_) {
        const std::int32_t from = member_[static_cast<std::size_t>(i)];
        const std::int64_t w = std::llrint(samples_->weight_of(i) * weight_scale_);
        weight_[static_cast<std::size_t>(labels[i])] += w;
        if (from >= 0) weight_[static_cast<std::size_t>(from)] -= w;
        any_is_held |= from >= 0;
    }
    if constexpr (std::is_same_v<View, Dense>) {
        !any_is_held && k_ * d_ <= kSumsInCache ? add_listed(labels) : move_listed(labels);
    } else {
        move_listed(labels);
    }
    for (const index_t i : moved_) member_[static_cast<std::size_t>(i)] = labels[i];
}

// Each task owns some features of every sum, so no two threads write the same place.
template <>
void ClusterSums<Dense>::move_listed(const std::int32_t* labels) {
    constexpr std::size_t kAhead = 6;
    const kernels::Table& t = kernels::active();
    parallel_for_rows(d_, kFeaturesPerTask, n_threads_, [&](index_t begin, index_t end, int) {
        for (std::size_t m = 0; m < moved_.size(); ++m) {
            if (m + kAhead < moved_.size()) {
                const index_t next = moved_[m + kAhead];
                prefetch(samples_->x.row(next) + begin, end - begin);
                prefetch(sums_.of_cluster(labels[next]) + begin, end - begin);
            }
            const index_t i = moved_[m];
            const std::int32_t from = member_[static_cast<std::size_t>(i)];
            t.move_row(samples_->x.row(i) + begin, samples_->length(i), samples_->weight_of(i),
                       scale_.data() + begin, end - begin, sums_.of_cluster(labels[i]) + begin,
                       from >= 0 ? sums_.of_cluster(from) + begin : nullptr);
        }
    });
}

template <>
void ClusterSums<Sparse>::move_listed(const std::int32_t* labels) {
    parallel_for_rows(static_cast<index_t>(moved_.size()), kRowsPerTask, n_threads_,
                      [&](index_t begin, index_t end, int) {
                          for (index_t m = begin; m < end; ++m) {
                              const index_t i = moved_[static_cast<std::size_t>(m)];
                              want_nonzeros(sparse_row(samples_->x, i), labels[i],
                                            member_[static_cast<std::size_t>(i)], sums_);
                          }
                      });
    sums_.place(n_threads_);
    const RowMoves moves(samples_->x, moved_, labels, member_.data(), k_, range_);
    const std::vector<MoveTask>& tasks = moves.tasks();
    parallel_for(static_cast<index_t>(tasks.size()), n_threads_, [&](index_t t, int) {
        const MoveTask& task = tasks[static_cast<std::size_t>(t)];
        const RowMove* const move = moves.moves().data();
        for (index_t m = task.begin; m < task.end; ++m) {
            if (m + kRowsAhead < task.end) fetch_row(*samples_, move[m + kRowsAhead]);
            if (m + kSumsAhead < task.end) fetch_sums(*samples_, move[m + kSumsAhead], sums_);
            const index_t i = move[m].row;
            const double w = samples_->weight_of(i);
            add_nonzeros(move[m].nonzeros(samples_->x), samples_->length(i), move[m].gives ? -w : w,
                         scale_.data(), task.first, task.last, move[m].cluster, sums_);
        }
    });
}

// Rows are read once from end to end, each thread with sums of its own: where many rows move, and these sums stay in its
// cache, that is quicker than pieces of rows.
template <>
void ClusterSums<Dense>::add_listed(const std::int32_t* labels) {
    const kernels::Table& t = kernels::active();
    std::vector<std::vector<std::int64_t>> slots(static_cast<std::size_t>(resolve_thread_count(n_threads_)));
    parallel_for_rows(static_cast<index_t>(moved_.size()), kRowsPerTask, n_threads_,
                      [&](index_t begin, index_t end, int slot) {
                          std::vector<std::int64_t>& sums = slots[static_cast<std::size_t>(slot)];
                          sums.resize(static_cast<std::size_t>(k_ * d_));
                          for (index_t m = begin; m < end; ++m) {
                              const index_t i = moved_[static_cast<std::size_t>(m)];
                              t.move_row(samples_->x.row(i), samples_->length(i), samples_->weight_of(i),
                                         scale_.data(), d_, sums.data() + labels[i] * d_, nullptr);
                          }
                      });
    for (const auto& sums : slots)
        for (std::size_t s = 0; s < sums.size(); ++s) sums_.data()[s] += sums[s];
}

template <typename View>
void ClusterSums<View>::relocate_empty(const Centroids<View>& centroids, const std::int32_t* labels,
                                       const LabelBounds& bounds) {
    std::vector<std::int32_t> empty;
    for (index_t c = 0; c < k_; ++c)
        if (weight_[static_cast<std::size_t>(c)] == 0) empty.push_back(static_cast<std::int32_t>(c));
    if (empty.empty()) return;
    const auto far = farthest_rows(*samples_, centroids, labels, bounds, static_cast<index_t>(empty.size()));
    for (std::size_t e = 0; e < far.size(); ++e) {
        const index_t i = far[e].row;
        if (far[e].distance == 0) break;  // every further row sits on its centroid
        const std::int64_t w = std::llrint(samples_->weight_of(i) * weight_scale_);
        std::int32_t& member = member_[static_cast<std::size_t>(i)];
        move_row(i, empty[e]);
        weight_[static_cast<std::size_t>(empty[e])] += w;
        weight_[static_cast<std::size_t>(member)] -= w;
        member = empty[e];
    }
}

template <>
std::vector<double> ClusterSums<Dense>::update_centroids(Centroids<Dense>& centroids) {
    std::vector<double> shift(static_cast<std::size_t>(k_), 0.0);
    parallel_for_rows(k_, clusters_per_task(d_), n_threads_, [&](index_t begin, index_t end, int) {
        std::vector<double> mean(static_cast<std::size_t>(d_));
        for (index_t c = begin; c < end; ++c) {
            if (weight_[static_cast<std::size_t>(c)] == 0) continue;
            double squared_norm = 0;
            for (index_t j = 0; j < d_; ++j) {
                const auto s = static_cast<std::size_t>(j);
                mean[s] = sum(c, j) / weight_of_cluster(c);
                squared_norm += mean[s] * mean[s];
            }
            const double length =
                metric_ == Metric::cosine && squared_norm > 0 ? std::sqrt(squared_norm) : 1.0;
            float* const row = centroids.row(c);
            double moved = 0;
            for (index_t j = 0; j < d_; ++j) {
                const auto value = static_cast<float>(mean[static_cast<std::size_t>(j)] / length);
                const double difference = double{value} - double{row[j]};
                moved += difference * difference;
                row[j] = value;
            }
            shift[static_cast<std::size_t>(c)] = moved;
        }
    });
    centroids.prepare(n_threads_);
    return shift;
}

template <>
std::vector<double> ClusterSums<Sparse>::update_centroids(Centroids<Sparse>& centroids) {
    const index_t n_stripes = sums_.n_stripes();
    std::vector<double> shift(static_cast<std::size_t>(n_stripes * kColumnsPerTask), 0.0),
        squared_norm(shift);
    // Stripes of a cache line's columns: each task streams its lines of the sums once (twice for cosine).
    parallel_for(n_stripes, n_threads_, [&](index_t task, int) {
        const index_t begin = task * kColumnsPerTask;
        double weight[kColumnsPerTask];
        double* const length = length_.data() + begin;
        bool is_empty[kColumnsPerTask];
        for (index_t c = 0; c < kColumnsPerTask; ++c) {
            is_empty[c] = begin + c < k_ && weight_[static_cast<std::size_t>(begin + c)] == 0;
            weight[c] = begin + c >= k_ || is_empty[c] ? 1 : weight_of_cluster(begin + c);
            length[c] = 1;
        }
        const EmptyColumns kept(centroids, begin, is_empty);
        const kernels::Table& t = kernels::active();
        std::vector<kernels::TermLine> all;
        if (terms_exceed_sums_) all = sums_.of_all_features(task);
        const std::vector<kernels::TermLine>& lines = terms_exceed_sums_ ? all : sums_.in_use(task);
        const auto n_lines = static_cast<index_t>(lines.size());
        double* const norms = squared_norm.data() + begin;
        double* const shifts = shift.data() + begin;
        if (metric_ == Metric::cosine) {
            t.update_terms(sums_.data(), lines.data(), n_lines, scale_.data(), weight, length, nullptr, 0,
                           norms, shifts);
            for (index_t c = 0; c < kColumnsPerTask; ++c)
                if (norms[c] > 0) length[c] = std::sqrt(norms[c]);
        }
        t.update_terms(sums_.data(), lines.data(), n_lines, scale_.data(), weight,
                       metric_ == Metric::cosine ? length : nullptr, centroids.term(0) + begin, centroids.ld,
                       norms, shifts);
        kept.restore(centroids, norms, shifts);
    });
    shift.resize(static_cast<std::size_t>(k_));
    squared_norm.resize(static_cast<std::size_t>(k_));
    centroids.set_norms(std::move(squared_norm));
    terms_exceed_sums_ = std::find(weight_.begin(), weight_.end(), 0) != weight_.end();
    return shift;
}

template <>
std::optional<Members> ClusterSums<Sparse>::members_of_means() const {
    if (terms_exceed_sums_ || samples_->weight != nullptr) return std::nullopt;
    Members members{member_.data(), std::vector<double>(static_cast<std::size_t>(k_))};
    for (index_t c = 0; c < k_; ++c)
        members.share[static_cast<std::size_t>(c)] =
            1 / (weight_of_cluster(c) * length_[static_cast<std::size_t>(c)]);
    return members;
}

template <typename View>
std::vector<std::int64_t> ClusterSums<View>::feature_sums() const {
    std::vector<std::int64_t> total(static_cast<std::size_t>(d_), 0);
    for (index_t c = 0; c < k_; ++c)
        for (index_t j = 0; j < d_; ++j) total[static_cast<std::size_t>(j)] += sums_.at(c, j);
    return total;
}

template class ClusterSums<Dense>;
template class ClusterSums<Sparse>;

}  // namespace coterie::cluster
