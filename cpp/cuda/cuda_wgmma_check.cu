#include "cuda/block.cuh"
#include "cuda/wgmma_check.hpp"

namespace coterie::cuda {

void cuda_launch_probe(Device& device, const WgmmaProbe& program, index_t n_blocks) {
    launch(device, program, n_blocks);
}

}  // namespace coterie::cuda
