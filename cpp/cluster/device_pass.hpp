// One pass of Lloyd's algorithm over rows that do not fit into a device's memory: partial_step.hpp's sums and labels, block by
// block. While the device works on a block the next one is on its way.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cluster/device_assignment.hpp"
#include "cluster/partial_step.hpp"

namespace coterie::cluster {

// The blocks that a pass is made of.
struct BlockRoom {
    index_t most_rows;
    index_t n_nonzero;  // that are expected of a CSR block
};

template <typename View>
class DevicePass {
  public:
    using Rows = View;

    DevicePass(std::shared_ptr<cuda::Device> device, Metric metric, const Centroids<View>& shape,
               const Scales& scales, const BlockRoom& room, bool is_weighted);

    // A new pass. What the last one left is gone, finished or not.
    void begin(const Centroids<View>& centroids, const PassOptions& options);
    // labels: in/out, [rows]; those out are there when the next but one add() returns, or finish(). rows and weight may
    // be reused at once.
    void add(const View& rows, const double* weight, std::int32_t* labels);
    // After the last block: what partial_step gives for all rows.
    Partial finish();
    // The sum of the rows' squared norms in the pass, exact.
    const ExactSum& squared_norm() const { return squared_norm_; }

  private:
    // A block whose results are on their way.
    struct Pending {
        std::unique_ptr<cuda::Mailbox> results;
        std::int32_t* labels = nullptr;
        std::vector<double> weight;
        index_t n_rows = 0;  // 0: none is
    };

    void queue(index_t n);
    void post(cuda::Mailbox& results, index_t n);
    void receive(Pending& pending);

    DeviceSamples<View> samples_;
    Assignment<View> assignment_;
    DeviceSums<View> sums_;
    std::unique_ptr<cuda::Feed> feed_;
    DeviceBlock<View> next_;
    cuda::DeviceArray<std::int32_t> before_;  // [most_rows] the block's labels before the pass
    cuda::DeviceArray<double> distances_;     // [most_rows]
    Pending pending_[2];                      // of the even and the odd blocks
    Centroids<View> shape_;
    PassOptions options_;
    index_t n_blocks_ = 0;
    Partial total_;
    ExactSum squared_norm_;
};

extern template class DevicePass<Dense>;
extern template class DevicePass<Sparse>;

}  // namespace coterie::cluster
