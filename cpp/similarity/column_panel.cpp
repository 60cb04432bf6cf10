#include "similarity/column_panel.hpp"

#include <algorithm>
#include <numeric>

#include "core/parallel.hpp"
#include "kernels/kernels.hpp"

namespace coterie {
namespace {

// Vector lanes times this many multiply-adds cost what one posting costs, in float32 and in bfloat16.
constexpr double kLanesPerPosting = 4, kBf16LanesPerPosting = 12;
// Elements of the tiles that stay in the L2 cache while all rows pass over them.
constexpr index_t kTileElements = index_t{1} << 18;
// Keeps rows of sums off the same cache lines when their number is a power of two.
constexpr index_t kSkew = 16;
// Products per cycle. Below it, in vectors, bfloat16 has no more than twice the rate of float32, and its error leaves more rows to be
// scored canonically than that saves.
constexpr double kLeastBf16Rate = 128;

// The filter of the panel where that is bfloat16, else null.
const kernels::Bf16Table* bf16_filter() {
    const kernels::Bf16Table* const filter = kernels::active().bf16;
    return filter != nullptr && filter->products_per_cycle >= kLeastBf16Rate ? filter : nullptr;
}

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
    // A panel as large as the matrix: 8 bytes an element there, 4 or 2 here.
    const index_t per_element = bf16_filter() == nullptr ? 2 : 4;
    const auto most = static_cast<std::size_t>(per_element * y_nnz / std::max<index_t>(y_rows, 1));
    if (columns.size() > most) columns.resize(most);
    return columns;
}

double ColumnPanel::postings_worth(index_t n_columns, index_t y_rows) {
    const kernels::Table& t = kernels::active();
    const double lanes_per_posting = bf16_filter() == nullptr ? kLanesPerPosting : kBf16LanesPerPosting;
    return static_cast<double>(n_columns) * static_cast<double>(y_rows) /
           (lanes_per_posting * static_cast<double>(t.lanes));
}

ColumnPanel::ColumnPanel(const CsrView& y, const std::vector<double>& scales,
                         const std::vector<std::int32_t>& columns, const std::vector<PostingLists>& blocks,
                         int n_threads)
    : n_columns_(static_cast<index_t>(columns.size())),
      slots_(static_cast<std::size_t>(y.cols), -1),
      packed_(blocks.size()),
      packed_bf16_(blocks.size()),
      no_mean_(columns.size(), 0.0f) {
    for (std::size_t s = 0; s < columns.size(); ++s) slots_[columns[s]] = static_cast<std::int32_t>(s);
    index_t most = 0;
    for (const PostingLists& b : blocks) most = std::max(most, stride(b.n_rows));
    bias_.assign(static_cast<std::size_t>(most), 0.0f);
    std::vector<kernels::Bf16Size> sizes(blocks.size());
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
        const auto at = static_cast<std::size_t>(b);
        if (bf16_filter() == nullptr) {
            pack(rows, lists.n_rows, packed_[at]);
        } else {
            sizes[at] = pack(rows, lists.n_rows, packed_bf16_[at]);
        }
    });
    for (const kernels::Bf16Size& size : sizes) row_size_.include(size);
}

void ColumnPanel::pack(const std::vector<float>& rows, index_t n_rows, std::vector<float>& packed) const {
    const kernels::Table& t = kernels::active();
    packed.resize(static_cast<std::size_t>(kernels::padded(t, n_rows) * n_columns_));
    kernels::pack_panels(t, {rows.data(), n_rows, n_columns_, n_columns_}, packed.data());
}

kernels::Bf16Size ColumnPanel::pack(const std::vector<float>& rows, index_t n_rows,
                                    LargeVector<kernels::Bf16Line>& tiles) const {
    constexpr index_t kBlock = kernels::kBf16Columns;
    const index_t d_padded = kernels::bf16_depth(n_columns_), n_padded = kernels::bf16_columns(n_rows);
    tiles.resize(static_cast<std::size_t>(
        ceil_div(kernels::bf16_packed_size(n_padded, d_padded), kernels::kBf16Depth)));
    std::vector<std::uint16_t> some(static_cast<std::size_t>(kBlock * d_padded));
    kernels::Bf16Size size;
    double norm[kBlock], residual[kBlock];
    for (index_t first = 0; first < n_padded; first += kBlock) {
        const index_t m = std::clamp<index_t>(n_rows - first, 0, kBlock);
        bf16_filter()->pack_rows(rows.data() + first * n_columns_, n_columns_, m, n_columns_, no_mean_.data(),
                                 some.data(), d_padded, norm, residual);
        for (index_t r = 0; r < m; ++r) size.include(norm[r], residual[r]);
        std::fill(some.begin() + m * d_padded, some.end(), std::uint16_t{0});
        kernels::pack_bf16_tiles(some.data(), d_padded,
                                 tiles[static_cast<std::size_t>(first * lines())].values);
    }
    return size;
}

void ColumnPanel::append(SparseRow row, double scale, Rows& rows) const {
    rows.values.resize(static_cast<std::size_t>((rows.count + 1) * n_columns_));
    float* const values = rows.values.data() + rows.count * n_columns_;
    std::fill(values, values + n_columns_, 0.0f);
    for (index_t p = 0; p < row.nnz; ++p) {
        const std::int32_t slot = slots_[row.indices[p]];
        if (slot >= 0) values[slot] = static_cast<float>(row.data[p] * scale);
    }
    rows.errors.resize(static_cast<std::size_t>(rows.count + 1));
    double error = 0;
    if (bf16_filter() != nullptr) {
        const index_t d_padded = kernels::bf16_depth(n_columns_);
        double squared_norm, squared_residual;
        rows.packed.resize(static_cast<std::size_t>(rows_written(rows.count + 1) * lines()));
        bf16_filter()->pack_rows(values, n_columns_, 1, n_columns_, no_mean_.data(),
                                 rows.packed[static_cast<std::size_t>(rows.count * lines())].values, d_padded,
                                 &squared_norm, &squared_residual);
        kernels::Bf16Size size;
        size.include(squared_norm, squared_residual);
        error = kernels::bf16_error(size, row_size_, 0, d_padded);
    }
    rows.errors[static_cast<std::size_t>(rows.count++)] = error;
}

index_t ColumnPanel::stride(index_t n_rows) const {
    const kernels::Table& t = kernels::active();
    return (bf16_filter() == nullptr ? kernels::padded(t, n_rows) : kernels::bf16_columns(n_rows)) + kSkew;
}

index_t ColumnPanel::rows_written(index_t count) const {
    if (bf16_filter() == nullptr) return count;
    return ceil_div(count, kernels::kBf16Rows) * kernels::kBf16Rows;
}

void ColumnPanel::score(std::size_t block, const Rows& rows, index_t n_rows, float* sums, index_t ld) const {
    const kernels::Table& t = kernels::active();
    const kernels::Bf16Table* const filter = bf16_filter();
    if (filter == nullptr) {
        t.score_block(rows.values.data(), n_columns_, rows.count, packed_[block].data(), bias_.data(),
                      kernels::padded(t, n_rows), n_columns_, sums, ld);
        return;
    }
    constexpr index_t kPair = 2 * kernels::kBf16Columns;
    const index_t d_padded = kernels::bf16_depth(n_columns_), n_padded = kernels::bf16_columns(n_rows);
    const index_t tile = std::max(kTileElements / d_padded / kPair * kPair, kPair);
    for (index_t c = 0; c < n_padded; c += tile)
        for (index_t r = 0; r < rows.count; r += kernels::kBf16Rows)
            filter->score_block(rows.packed[static_cast<std::size_t>(r * lines())].values, d_padded,
                                packed_bf16_[block][static_cast<std::size_t>(c * lines())].values,
                                bias_.data() + c, std::min(tile, n_padded - c), d_padded, sums + r * ld + c,
                                ld);
}

}  // namespace coterie
