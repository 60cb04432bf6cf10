#include "cluster/farthest_rows.hpp"

#include <algorithm>

#include "cluster/assign_labels.hpp"
#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

bool is_farther(const FarRow& a, const FarRow& b) {
    return a.distance != b.distance ? a.distance > b.distance : a.row < b.row;
}

}  // namespace

template <typename View>
std::vector<FarRow> farthest_rows(const Samples<View>& samples, const Centroids<View>& centroids,
                                  const std::int32_t* labels, const LabelBounds& bounds, index_t count) {
    const index_t n = samples.x.rows;
    std::vector<FarRow> rows(static_cast<std::size_t>(n));
    for (index_t i = 0; i < n; ++i) rows[static_cast<std::size_t>(i)] = {i, bounds.loss_at_most(i)};
    const auto measure = [&](auto first, auto last) {
        parallel_for_rows(last - first, 64, samples.n_threads, [&](index_t begin, index_t end, int) {
            for (auto far = first + begin; far != first + end; ++far)
                far->distance = own_distance(samples, centroids, far->row, labels[far->row]);
        });
    };
    // Rows with a bound below the count-th distance among some that look far cannot be farther than those.
    count = std::min(count, n);
    const auto guess = rows.begin() + std::min(n, std::max<index_t>(64, 8 * count));
    if (guess != rows.end()) std::nth_element(rows.begin(), guess, rows.end(), is_farther);
    measure(rows.begin(), guess);
    std::nth_element(rows.begin(), rows.begin() + (count - 1), guess, is_farther);
    const double least = rows[static_cast<std::size_t>(count - 1)].distance;
    const auto end =
        std::partition(guess, rows.end(), [&](const FarRow& far) { return far.distance >= least; });
    measure(guess, end);
    std::partial_sort(rows.begin(), rows.begin() + count, end, is_farther);
    rows.resize(static_cast<std::size_t>(count));
    return rows;
}

template std::vector<FarRow> farthest_rows(const Samples<Dense>&, const Centroids<Dense>&,
                                           const std::int32_t*, const LabelBounds&, index_t);
template std::vector<FarRow> farthest_rows(const Samples<Sparse>&, const Centroids<Sparse>&,
                                           const std::int32_t*, const LabelBounds&, index_t);

}  // namespace coterie::cluster
