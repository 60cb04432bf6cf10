#include "similarity/dense_norms.hpp"

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "kernels/kernels.hpp"

namespace coterie {

std::vector<double> dense_norms(const MatrixView<const float>& x, const char* op, int n_threads) {
    std::vector<double> norms(static_cast<std::size_t>(x.rows));
    const kernels::Table& t = kernels::active();
    parallel_for_rows(x.rows, 1024, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) norms[i] = std::sqrt(t.dot(x.row(i), x.row(i), x.cols));
    });
    check_norms(norms.data(), x.rows, x, op, n_threads);
    return norms;
}

void check_norms(const double* norms, index_t n, const MatrixView<const float>& x, const char* op,
                 int n_threads) {
    if (!std::all_of(norms, norms + n, [](double v) { return std::isfinite(v); }))
        check_finite(x, op, n_threads);
}

}  // namespace coterie
