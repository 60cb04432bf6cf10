// Rows prepared on a device for a search among them: what the searches of device_top_k.cpp have in common.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "cuda/device.hpp"
#include "kernels/bf16_pack.hpp"
#include "similarity/device_top_k_kernels.hpp"
#include "similarity/measures.hpp"

namespace coterie {

// Dense rows in a device's memory: lent, or copied there.
struct DeviceDense {
    using Dense = MatrixView<const float>;
    DeviceDense(cuda::Device& device, const Dense& host);
    explicit DeviceDense(const Dense& there) : view(there) {}

    cuda::DeviceArray<float> data;
    Dense view;
};

struct DeviceCsr {
    DeviceCsr(cuda::Device& device, const CsrView& host);

    cuda::DeviceArray<float> data;
    cuda::DeviceArray<std::int32_t> indices;
    cuda::DeviceArray<std::int64_t> indptr;
    CsrView view;
};

// Unit rows in bfloat16, and on the host what was measured of them, as upper bounds. A row whose length is not finite is
// refused.
struct PackedUnits {
    PackedUnits(cuda::Device& device, const DeviceDense& rows);
    // After the mean is known. n_padded: rows of room, zero beyond the rows.
    void pack(cuda::Device& device, const cuda::DeviceArray<float>& mean, index_t n_padded);

    MatrixView<const float> view;
    index_t d_padded;
    cuda::DeviceArray<double> length, offset;
    cuda::DeviceArray<std::uint16_t> packed;
    std::vector<double> norms, residuals, offsets;
    kernels::Bf16Size largest;
};

// Rows of X against rows of Y, some of X at a time; answers and pairs are on the device, in the order of the rows taken.
class DenseCosineSearch {
  public:
    // y: null where the rows are searched among themselves. Both must outlive this.
    DenseCosineSearch(cuda::Device& device, const DeviceDense& x, const DeviceDense* y);

    index_t n_rows() const { return rows_->view.rows; }
    index_t n_columns() const { return columns_.view.rows; }
    index_t most_rows() const { return at_once_; }
    void best(index_t first, index_t n, const device::Wanted& wanted, const device::Answers& out);
    void pairs(index_t first, index_t n, const device::Wanted& wanted, const device::Pairs& out);

  private:
    template <typename Product>
    void find_maxima(device::Launch<device::GroupMaxima<Product>> launch, index_t first, index_t n,
                     index_t n_padded);
    template <typename Kept>
    device::DenseTopK<Kept> filtered(index_t first, index_t n, const device::Wanted& wanted,
                                     const typename Kept::Answers& out);

    cuda::Device& device_;
    bool uses_wgmma_;
    PackedUnits columns_;
    std::unique_ptr<PackedUnits> other_;
    PackedUnits* rows_;
    index_t n_padded_, at_once_;
    double largest_start_ = 0;
    cuda::DeviceArray<float> start_, maxima_;
    cuda::DeviceArray<double> norm_, residual_;
};

// Measure: of measures.hpp; x and y on the host, only for the constructor.
template <typename Measure, typename DeviceMeasure>
class SparseSearch {
  public:
    SparseSearch(cuda::Device& device, const CsrView& x, const CsrView* y, int n_threads);

    index_t n_rows() const { return x_.view.rows; }
    index_t n_columns() const { return y_->view.rows; }
    index_t most_rows() const {
        return std::min(n_rows(), index_t{1} << 16);
    }  // between two looks for Ctrl-C
    void best(index_t first, index_t n, const device::Wanted& wanted, const device::Answers& out) {
        run().best(device_, comparison<device::BlockBest>(first, wanted, out), n);
    }
    void pairs(index_t first, index_t n, const device::Wanted& wanted, const device::Pairs& out) {
        run().pairs(device_, comparison<device::BlockPairs>(first, wanted, out), n);
    }

  private:
    template <typename Kept>
    device::SparseTopK<DeviceMeasure, Kept> comparison(index_t first, const device::Wanted& wanted,
                                                       const typename Kept::Answers& out) const {
        return {x_.view, y_->view, x_size_.data(), y_size_, first, wanted, out};
    }
    const device::SparseKernels<DeviceMeasure>& run() const {
        return device::top_k_kernels_for(device_).sparse(DeviceMeasure{});
    }

    cuda::Device& device_;
    DeviceCsr x_;
    cuda::DeviceArray<double> x_size_, other_size_;
    std::unique_ptr<DeviceCsr> other_;
    const DeviceCsr* y_;
    const double* y_size_;
};

extern template class SparseSearch<CosineMeasure, device::Cosine>;
extern template class SparseSearch<JaccardMeasure, device::Jaccard>;

}  // namespace coterie
