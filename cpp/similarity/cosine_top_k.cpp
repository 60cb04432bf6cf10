#include "similarity/cosine_top_k.hpp"

#include "core/parallel.hpp"
#include "similarity/checks.hpp"
#include "similarity/dense_direct.hpp"
#include "similarity/dense_neighbours.hpp"
#include "similarity/sparse_neighbours.hpp"

namespace coterie {

Neighbours cosine_top_k(const MatrixView<const float>& x, const MatrixView<const float>& y,
                        const NeighbourQuery& query, int n_threads) {
    check_shapes(x, y, query, "cosine_top_k");
    if (pays_directly(x.rows, y.rows, query.k)) return direct_neighbours(x, y, query, n_threads);
    const DenseJoin join(x, y, n_threads, trial_of(query, x.cols, n_threads));
    DenseNeighbours sink(join, query, x.rows, x.cols, n_threads);
    join.run(sink);
    return std::move(sink).answer();
}

Neighbours cosine_top_k(const CsrView& x, const CsrView& y, const NeighbourQuery& query, int n_threads) {
    check_pair(x, y, query, "cosine_top_k", n_threads);
    return sparse_neighbours<CosineMeasure>(x, y, query, nullptr, n_threads);
}

}  // namespace coterie
