#include "similarity/column_panel.hpp"

#include <algorithm>
#include <numeric>

#include "core/parallel.hpp"
#include "kernels/kernels.hpp"

namespace coterie {
namespace {

// Vector lanes times this many multiply-adds cost what one posting costs.
constexpr double kLanesPerPosting = 4;

}  // namespace

std::vector<std::int32_t> ColumnPanel::worthwhile(const std::vector<std::int32_t>& x_frequency,
                                                  index_t x_rows,
                                                  const std::vector<std::int32_t>& y_frequency,
                                                  index_t y_rows, index_t y_nnz) {
    const double price = static_cast<double>(x_rows) * postings_worth(1, y_rows);
    const auto postings = [&](std::int32_t c) {
        return static_cast<double>(x_frequency[c]) * y_frequency[c];
    };
    std::vector<std::int32_t> columns;
    for (std::size_t c = 0; c < y_frequency.size(); ++c)
        if (postings(static_cast<std::int32_t>(c)) > price) columns.push_back(static_cast<std::int32_t>(c));
    std::sort(columns.begin(), columns.end(), [&](std::int32_t a, std::int32_t b) {
        return postings(a) > postings(b) || (postings(a) == postings(b) && a < b);
    });
    const auto most = static_cast<std::size_t>(2 * y_nnz / std::max<index_t>(y_rows, 1));
    if (columns.size() > most) columns.resize(most);
    return columns;
}

double ColumnPanel::postings_worth(index_t n_columns, index_t y_rows) {
    return static_cast<double>(n_columns) * static_cast<double>(y_rows) /
           (kLanesPerPosting * static_cast<double>(kernels::active().lanes));
}

ColumnPanel::ColumnPanel(const CsrView& y, const std::vector<double>& scales,
                         const std::vector<std::int32_t>& columns, const std::vector<PostingLists>& blocks,
                         int n_threads)
    : n_columns_(static_cast<index_t>(columns.size())),
      slots_(static_cast<std::size_t>(y.cols), -1),
      packed_(blocks.size()) {
    for (std::size_t s = 0; s < columns.size(); ++s) slots_[columns[s]] = static_cast<std::int32_t>(s);
    const kernels::Table& t = kernels::active();
    index_t most = 0;
    for (const PostingLists& b : blocks) most = std::max(most, kernels::padded(t, b.n_rows));
    bias_.assign(static_cast<std::size_t>(most), 0.0f);
    parallel_for(static_cast<index_t>(blocks.size()), n_threads, [&](index_t b, int) {
        const PostingLists& lists = blocks[static_cast<std::size_t>(b)];
        std::vector<float> rows(static_cast<std::size_t>(lists.n_rows * n_columns_), 0.0f);
        for (index_t r = 0; r < lists.n_rows; ++r) {
            const SparseRow row = sparse_row(y, lists.first_row + r);
            for (index_t p = 0; p < row.nnz; ++p) {
                const std::int32_t slot = slots_[row.indices[p]];
                if (slot >= 0)
                    rows[r * n_columns_ + slot] =
                        static_cast<float>(row.data[p] * scales[lists.first_row + r]);
            }
        }
        auto& packed = packed_[static_cast<std::size_t>(b)];
        packed.resize(static_cast<std::size_t>(kernels::padded(t, lists.n_rows) * n_columns_));
        kernels::pack_panels(t, {rows.data(), lists.n_rows, n_columns_, n_columns_}, packed.data());
    });
}

void ColumnPanel::gather(SparseRow row, double scale, std::vector<float>& out) const {
    const std::size_t first = out.size();
    out.resize(first + static_cast<std::size_t>(n_columns_), 0.0f);
    for (index_t p = 0; p < row.nnz; ++p) {
        const std::int32_t slot = slots_[row.indices[p]];
        if (slot >= 0) out[first + static_cast<std::size_t>(slot)] = static_cast<float>(row.data[p] * scale);
    }
}

void ColumnPanel::score(std::size_t block, const float* rows, index_t m, index_t n_rows, float* sums,
                        index_t ld) const {
    const kernels::Table& t = kernels::active();
    t.score_block(rows, n_columns_, m, packed_[block].data(), bias_.data(), kernels::padded(t, n_rows),
                  n_columns_, sums, ld);
}

}  // namespace coterie
