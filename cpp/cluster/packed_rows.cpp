#include "cluster/packed_rows.hpp"

#include <algorithm>

#include "core/parallel.hpp"
#include "core/prefetch.hpp"
#include "kernels/bf16_pack.hpp"
#include "kernels/int8_pack.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

static_assert(kernels::kBf16Rows == kPackedRows && kernels::kInt8Rows == kPackedRows);

// A float32 at or a little above value >= 0.
float above(double value) {
    return kernels::next_above(static_cast<float>(value));
}

constexpr index_t kAhead = 6;  // rows that lie anywhere: the hardware does not foresee them

bool is_run(const index_t* rows, index_t m) {
    return rows[m - 1] - rows[0] == m - 1;
}

// A few rows are as good: any mu keeps the scores exact, the mean only keeps the bound small.
constexpr index_t kMeanRows = 2048;
std::vector<float> mean_of_sample(const Samples<Dense>& samples) {
    const index_t n = samples.x.rows, d = samples.x.cols;
    std::vector<float> mean(static_cast<std::size_t>(d), 0.0f);
    constexpr index_t kColumnsPerTask = 64;
    const index_t step = std::max<index_t>(1, n / kMeanRows);
    parallel_for_rows(d, kColumnsPerTask, samples.n_threads, [&](index_t begin, index_t end, int) {
        double sum[kColumnsPerTask] = {};
        index_t count = 0;
        for (index_t i = 0; i < n; i += step, ++count)
            for (index_t j = begin; j < end; ++j) sum[j - begin] += samples.x.row(i)[j];
        for (index_t j = begin; j < end; ++j)
            mean[static_cast<std::size_t>(j)] =
                static_cast<float>(sum[j - begin] / static_cast<double>(count));
    });
    return mean;
}

}  // namespace

const char* name_of(PackedFormat format) {
    return format == PackedFormat::int8 ? "int8" : "bfloat16";
}

bool has_filter(PackedFormat format) {
    const kernels::Table& t = kernels::active();
    return format == PackedFormat::int8 ? t.int8 != nullptr : t.bf16 != nullptr;
}

double products_per_cycle(PackedFormat format) {
    const kernels::Table& t = kernels::active();
    return format == PackedFormat::int8 ? t.int8->products_per_cycle : t.bf16->products_per_cycle;
}

index_t depth_of(PackedFormat format, index_t d) {
    return format == PackedFormat::int8 ? kernels::int8_depth(d) : kernels::bf16_depth(d);
}

PackedRows::PackedRows(const Samples<Dense>& samples, PackedFormat format, bool keep)
    : samples_(samples), format_(format), mean_(mean_of_sample(samples)) {
    const index_t n = samples.x.rows, d = samples.x.cols;
    const bool is_int8 = format == PackedFormat::int8;
    d_padded_ = depth_of(format, d);
    row_bytes_ = is_int8 ? d_padded_ : 2 * d_padded_;
    if (!keep) return;
    packed_.resize(static_cast<std::size_t>(n * row_bytes_));
    sizes_.resize(static_cast<std::size_t>(n));
    parallel_for_rows(n, 256, samples.n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            sizes_[static_cast<std::size_t>(i)] = pack(i, packed_.data() + i * row_bytes_);
    });
}

PackedSize PackedRows::pack(index_t i, std::uint8_t* out) const {
    const kernels::Table& t = kernels::active();
    const float *const x = samples_.x.row(i), *const mu = mean_.data();
    const index_t d = samples_.x.cols;
    double squared_norm, squared_residual;
    PackedSize size;
    if (format_ == PackedFormat::int8) {
        t.int8->pack_rows(x, d, 1, d, mu, out, d_padded_, &size.scale, &squared_norm, &squared_residual);
    } else {
        t.bf16->pack_rows(x, d, 1, d, mu, reinterpret_cast<std::uint16_t*>(out), d_padded_, &squared_norm,
                          &squared_residual);
    }
    kernels::Bf16Size bounds;
    bounds.include(squared_norm, squared_residual);
    size.norm = above(bounds.norm);
    size.residual = above(bounds.residual);
    return size;
}

void PackedRows::copy_sizes(const index_t* rows, index_t m, PackedBlock& block) const {
    for (index_t r = 0; r < m; ++r) block.take(r, sizes_[static_cast<std::size_t>(rows[r])]);
}

void PackedRows::fetch(index_t i) const {
    prefetch(packed_.data() + i * row_bytes_, row_bytes_);
}

void PackedRows::load(const index_t* rows, index_t m, PackedBlock& block) const {
    if (is_kept()) copy_sizes(rows, m, block);
    if (is_kept() && m == kPackedRows && is_run(rows, m)) {
        block.rows = packed_.data() + rows[0] * row_bytes_;
    } else {
        block.gathered.resize(static_cast<std::size_t>(kPackedRows * row_bytes_));
        block.rows = block.gathered.data();
        for (index_t r = 0; r < m; ++r) {
            if (is_kept() && r + kAhead < m) fetch(rows[r + kAhead]);
            std::uint8_t* const out = block.gathered.data() + r * row_bytes_;
            if (is_kept()) {
                std::copy(packed_.data() + rows[r] * row_bytes_, packed_.data() + (rows[r] + 1) * row_bytes_,
                          out);
            } else {
                block.take(r, pack(rows[r], out));
            }
        }
    }
    for (index_t r = 0; r < m; ++r) block.row[r] = block.rows + r * row_bytes_;
}

void PackedRows::point_to(const index_t* rows, index_t m, index_t following, PackedBlock& block) const {
    copy_sizes(rows, m, block);
    block.rows = nullptr;
    for (index_t r = 0; r < m; ++r) block.row[r] = packed_.data() + rows[r] * row_bytes_;
    for (index_t r = 0; r < following; ++r) fetch(rows[m + r]);
}

std::shared_ptr<const PackedRows> kept_rows(const Samples<Dense>& samples, PackedFormat format) {
    std::lock_guard lock(samples.kept.mutex);
    std::shared_ptr<const PackedRows>& rows = samples.kept.rows;
    if (!rows || rows->format() != format) {
        rows.reset();  // before the next is there: memory for both is not reckoned with
        rows = std::make_shared<const PackedRows>(samples, format, true);
    }
    return rows;
}

}  // namespace coterie::cluster
