#include "text/device_text_kernels.hpp"

#include "cuda/emulated_block.hpp"

namespace coterie::text::device {
namespace {

using cuda::emulate;

const Kernels& emulated_kernels() {
    static constexpr Kernels kernels = {
        &emulate<ClassifyText>,     &emulate<FindTokens>,        &emulate<MarkRuns>,
        &emulate<NumberTerms>,      &emulate<GatherTerms>,       &emulate<KeepWords>,
        &emulate<GramKeys>,         &emulate<PairTerms>,         &emulate<RunBegins>,
        &emulate<CountEntries>,     &emulate<FindColumns>,       &emulate<RowNorms>,
        &emulate<WriteRows<float>>, &emulate<WriteRows<double>>, &emulate<WriteRows<std::int64_t>>,
    };
    return kernels;
}

}  // namespace

const Kernels& kernels_for(const cuda::Device& device) {
    return device.is_emulated() ? emulated_kernels() : cuda_kernels();
}

}  // namespace coterie::text::device
