// The leading singular vectors of a sparse matrix: latent semantic analysis.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

// x ~ U diag(singular_values) term_vectors^T, with singular values falling.
struct TruncatedSvd {
    std::vector<float> term_vectors;      // [x.cols, n_components], orthonormal columns (zero past the rank)
    std::vector<double> singular_values;  // [n_components]
};

// Randomized subspace iteration (Halko, Martinsson and Tropp, SIAM Review 2011, algorithm 4.4) on x^T x:
//
//     W = uniform entries from Philox(seed), [x.cols, n_components + n_oversamples]
//     n_iter times:  W = orthonormal(x^T (x W) less its part along without)
//     x W = Y,  Y^T Y = V diag(lambda) V^T,  term_vectors = W V,  singular_values = sqrt(lambda)
//
// or, where x has fewer rows than columns, the same on x x^T with term_vectors = x^T W V / singular_values: the tall
// factor has x.rows rows then. The basis is orthonormalised twice in the last iteration, once in the others.
//
// Tall products take W in float32, whose products with x are exact in float64, and accumulate over the stored entries of
// a row in their order; Gram matrices are folded over a partition that x alone fixes; the small factorisations are
// sequential. So the bits do not depend on n_threads, the instruction set or a BLAS. The rounding turns the span of W by
// about 2^-24, which the iteration does not amplify: the basis is orthonormalised in float64 after each product. The entry
// of largest magnitude in a column is positive, the first of equals.
//
// without  in, [x.cols] a known singular vector that is not wanted, of any length, or null
//
// n_components in [1, x.cols]. Memory: 16 bytes * (x.cols + x.rows) * (n_components + n_oversamples).
TruncatedSvd truncated_svd(const CsrView& x, index_t n_components, index_t n_oversamples, index_t n_iter,
                           const double* without, std::uint64_t seed, int n_threads);

// out = x w, accumulated in float64, rounded once; with unit_rows each row that is not zero is divided by its length.
//
// w    in,  [x.cols, w.cols]
// out  out, [x.rows, w.cols], contiguous
void project_rows(const CsrView& x, const MatrixView<const float>& w, bool unit_rows, float* out,
                  int n_threads);

}  // namespace coterie
