// Rows minus their mean in a small format, for the filters that run on matrix units, with what was lost measured.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cluster/samples.hpp"
#include "core/large_vector.hpp"

namespace coterie::cluster {

enum class PackedFormat { bfloat16, int8 };

const char* name_of(PackedFormat format);
// Of the instruction set in use.
bool has_filter(PackedFormat format);
double products_per_cycle(PackedFormat format);
// d features, padded as the format wants them.
index_t depth_of(PackedFormat format, index_t d);

inline constexpr index_t kPackedRows = 32;  // scored at a time

// Of one packed row: norm >= |x - mu| and residual >= what packing lost of it.
struct PackedSize {
    float scale = 0, norm = 0, residual = 0;  // scale: int8 only
};

// Up to kPackedRows rows, as the kernels want them, with their PackedSize.
struct PackedBlock {
    const std::uint8_t* rows = nullptr;  // one after another, or null: at row[r]
    const std::uint8_t* row[kPackedRows] = {};
    float scale[kPackedRows], norm[kPackedRows], residual[kPackedRows];
    std::vector<std::uint8_t> gathered;

    void take(index_t r, const PackedSize& size) {
        scale[r] = size.scale;
        norm[r] = size.norm;
        residual[r] = size.residual;
    }
};

class PackedRows {
  public:
    // keep: hold the packed copy; otherwise rows are packed each time they are scored.
    PackedRows(const Samples<Dense>& samples, PackedFormat format, bool keep);

    PackedFormat format() const { return format_; }
    bool is_kept() const { return !packed_.empty(); }
    const std::vector<float>& mean() const { return mean_; }
    index_t d_padded() const { return d_padded_; }
    index_t row_bytes() const { return row_bytes_; }
    void load(const index_t* rows, index_t m, PackedBlock& block) const;
    // Points to the rows of the copy where they lie; following: that many more are wanted soon.
    void point_to(const index_t* rows, index_t m, index_t following, PackedBlock& block) const;

  private:
    void copy_sizes(const index_t* rows, index_t m, PackedBlock& block) const;
    void fetch(index_t i) const;
    PackedSize pack(index_t i, std::uint8_t* out) const;

    const Samples<Dense>& samples_;
    PackedFormat format_;
    index_t d_padded_, row_bytes_;
    std::vector<float> mean_;
    LargeVector<std::uint8_t> packed_;  // [n][row_bytes], or empty
    LargeVector<PackedSize> sizes_;     // [n], only with packed_
};

// The packed copy of samples: that of the last call where the format is the same, so that further starts of a fit need not pack.
// It lasts as long as the samples.
std::shared_ptr<const PackedRows> kept_rows(const Samples<Dense>& samples, PackedFormat format);

}  // namespace coterie::cluster
