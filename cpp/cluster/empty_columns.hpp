// The columns of CSR centroids whose clusters stayed empty, so that an update which wrote over them can put them back.
#pragma once

#include <vector>

#include "cluster/centroids.hpp"
#include "kernels/kernels.hpp"

namespace coterie::cluster {

class EmptyColumns {
  public:
    EmptyColumns(const Centroids<Sparse>& centroids, index_t begin, const bool* is_empty) : begin_(begin) {
        for (index_t c = 0; c < kernels::kTermColumns; ++c) {
            if (!is_empty[c]) continue;
            columns_.push_back(c);
            norms_.push_back(centroids.squared_norm[static_cast<std::size_t>(begin + c)]);
            for (index_t j = 0; j < centroids.d; ++j) values_.push_back(centroids.term(j)[begin + c]);
        }
    }

    void restore(Centroids<Sparse>& centroids, double* norms, double* shifts) const {
        for (std::size_t e = 0; e < columns_.size(); ++e) {
            const index_t c = columns_[e];
            norms[c] = norms_[e];
            shifts[c] = 0;
            for (index_t j = 0; j < centroids.d; ++j)
                centroids.term(j)[begin_ + c] =
                    values_[e * static_cast<std::size_t>(centroids.d) + static_cast<std::size_t>(j)];
        }
    }

  private:
    index_t begin_;
    std::vector<index_t> columns_;
    std::vector<double> norms_;
    std::vector<float> values_;
};

}  // namespace coterie::cluster
