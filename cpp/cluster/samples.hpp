// The rows being clustered, with what every step needs to know about them.
#pragma once

#include <cmath>
#include <memory>
#include <mutex>
#include <vector>

#include "cluster/term_use.hpp"
#include "core/types.hpp"
#include "kernels/kernels.hpp"

namespace coterie::cluster {

using Dense = MatrixView<const float>;
using Sparse = CsrView;

// euclidean: minimise sum w |x - c|^2. cosine: minimise sum w (1 - cos(x, c)); centroids are unit vectors,
// rows may have any length, and a zero row has cosine 0 to every centroid.
enum class Metric { euclidean, cosine };

class PackedRows;

// View is Dense or Sparse. Owns no rows; whoever made the arrays keeps them alive.
template <typename View>
struct Samples {
    View x;
    const double* weight = nullptr;  // [n_samples], finite and >= 0; null: every weight is 1
    Metric metric = Metric::euclidean;
    int n_threads = 0;
    std::vector<double> squared_norm;  // [n_samples] canonical |x_i|^2
    double largest_squared_norm = 0;
    double total_weight = 0;  // exact, rounded once

    // Computes the norms; x must be finite.
    Samples(View x_, const double* weight_, Metric metric_, int n_threads_);

    double weight_of(index_t i) const { return weight == nullptr ? 1.0 : weight[i]; }
    // What a row is divided by before it is summed: its length for cosine, else 1.
    double length(index_t i) const {
        if (metric == Metric::euclidean) return 1.0;
        const double norm = squared_norm[static_cast<std::size_t>(i)];
        return norm > 0 ? std::sqrt(norm) : 1.0;
    }
    // [d] max_i |x_ij|; of sparse rows found at the first call.
    const std::vector<float>& largest_magnitudes() const;
    const TermUse& term_use() const;  // Sparse; found at the first call

    // Dense: the packed copy that the last of the fits and seedings of these rows kept, for the next. See kept_rows.
    struct Kept {
        std::mutex mutex;
        std::shared_ptr<const PackedRows> rows;
    };
    mutable Kept kept;

  private:
    mutable std::once_flag found_use_;
    mutable TermUse use_;  // Dense: the largest magnitudes alone
};

inline SparseRow row_of(const Sparse& x, index_t i) {
    return sparse_row(x, i);
}
inline const float* row_of(const Dense& x, index_t i) {
    return x.row(i);
}

extern template struct Samples<Dense>;
extern template struct Samples<Sparse>;

}  // namespace coterie::cluster
