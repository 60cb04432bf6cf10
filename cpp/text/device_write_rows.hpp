// From entries that a device has counted to the rows of a matrix: what RowWriter does on the CPU, exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/device.hpp"
#include "text/count_terms.hpp"

namespace coterie::text {

// Consecutive documents. They wait on the host until the columns are known, so that a device holds one batch at a time.
struct CountedBatch {
    index_t n_documents = 0;
    std::vector<std::uint64_t> entries;  // document << 32 | term, each pair once, in any order
    std::vector<std::uint32_t> counts;
    std::vector<TermId> ids;  // of the terms; kAbsent: it has no column
};

// columns: by id, -1 for none. Consumes the batches.
template <typename T>
CountMatrix<T> write_rows(cuda::Device& device, std::vector<CountedBatch>& batches,
                          const std::vector<std::int32_t>& columns, index_t n_columns,
                          const WeightOptions& weights, int n_threads);

}  // namespace coterie::text
