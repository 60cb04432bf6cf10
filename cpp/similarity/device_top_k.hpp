// cosine_top_k.hpp, jaccard_top_k.hpp and near_duplicates.hpp on a device, with the same bits.
#pragma once

#include "cuda/device.hpp"
#include "similarity/device_search.hpp"
#include "similarity/neighbours.hpp"

namespace coterie {

// query.k must be 0 (all that reach the threshold) to 1024. x and y are on the host. Throws as on the host, and
// cuda::DeviceError.
Neighbours cosine_top_k(cuda::Device& device, const MatrixView<const float>& x,
                        const MatrixView<const float>& y, const NeighbourQuery& query, int n_threads);
Neighbours cosine_top_k(cuda::Device& device, const CsrView& x, const CsrView& y, const NeighbourQuery& query,
                        int n_threads);
Neighbours jaccard_top_k(cuda::Device& device, const CsrView& x, const CsrView& y,
                         const NeighbourQuery& query, int n_threads);
// Of rows that lie on the device. y: null for x itself.
Neighbours cosine_top_k(cuda::Device& device, const DeviceDense& x, const DeviceDense* y,
                        const NeighbourQuery& query);

// As in near_duplicates.hpp. x is on the host.
std::vector<std::int32_t> cosine_components(cuda::Device& device, const MatrixView<const float>& x,
                                            float threshold, int n_threads);
std::vector<std::int32_t> cosine_components(cuda::Device& device, const CsrView& x, float threshold,
                                            int n_threads);
std::vector<std::int32_t> jaccard_components(cuda::Device& device, const CsrView& x, float threshold,
                                             int n_threads);

}  // namespace coterie
