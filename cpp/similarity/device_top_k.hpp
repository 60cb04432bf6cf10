// cosine_top_k.hpp and jaccard_top_k.hpp on a device, with the same bits. x and y are on the host.
#pragma once

#include "cuda/device.hpp"
#include "similarity/neighbours.hpp"

namespace coterie {

// query.k must be 1 to 1024. Throws as on the host, and cuda::DeviceError.
Neighbours cosine_top_k(cuda::Device& device, const MatrixView<const float>& x,
                        const MatrixView<const float>& y, const NeighbourQuery& query, int n_threads);
Neighbours cosine_top_k(cuda::Device& device, const CsrView& x, const CsrView& y, const NeighbourQuery& query,
                        int n_threads);
Neighbours jaccard_top_k(cuda::Device& device, const CsrView& x, const CsrView& y,
                         const NeighbourQuery& query, int n_threads);

}  // namespace coterie
