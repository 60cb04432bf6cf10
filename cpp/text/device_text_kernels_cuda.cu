// The device programs of this room as CUDA kernels.
#include "cuda/block.cuh"
#include "text/device_text_kernels.hpp"

namespace coterie::text::device {

using cuda::launch;

const Kernels& cuda_kernels() {
    static constexpr Kernels kernels = {
        &launch<ClassifyText>,     &launch<FindTokens>,        &launch<MarkRuns>,
        &launch<NumberTerms>,      &launch<GatherTerms>,       &launch<KeepWords>,
        &launch<GramKeys>,         &launch<PairTerms>,         &launch<RunBegins>,
        &launch<CountEntries>,     &launch<FindColumns>,       &launch<RowNorms>,
        &launch<WriteRows<float>>, &launch<WriteRows<double>>, &launch<WriteRows<std::int64_t>>,
    };
    return kernels;
}

}  // namespace coterie::text::device
