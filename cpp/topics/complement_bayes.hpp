// Complement naive Bayes (Rennie, Shih, Teevan and Karger, "Tackling the poor assumptions of naive Bayes text classifiers",
// ICML 2003) of clusters: what each term tells for each of them.
#pragma once

#include <cstdint>

#include "core/types.hpp"

namespace coterie {

// The score of a cluster for a document x is, 1 added to every weight,
//
//   sum_t x_t ln (S_c / (T_t - n_ct)),  T_t = 1 + sum_c n_ct,  S_c = sum_t (T_t - n_ct),
//
// n_ct the sum of x_t over the rows with labels[i] == c. What is the same for all clusters, sum_t x_t ln (S / T_t) with S
// the mean of S_c, is left out: then only terms that a cluster has need a logarithm.
//
//   told[t * n_clusters + c] = ln (S_c / S) - ln ((T_t - n_ct) / T_t)
//
// labels  in, x.rows values in [-1, n_clusters); rows with -1 are not learnt from
// told    out, x.cols * n_clusters values
//
// x must be >= 0. Sums in float64 in the order of the rows, then of the clusters; canonical logarithms: the same bits
// for any n_threads and CPU. Scratch: that of cluster_sums.
void complement_weights(const CsrView& x, const std::int32_t* labels, index_t n_clusters, float* told,
                        int n_threads);

}  // namespace coterie
