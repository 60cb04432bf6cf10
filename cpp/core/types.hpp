// Sizes and views shared by every room. Views own nothing; whoever made the memory keeps it alive.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coterie {

// Signed, so that differences and downward loops are safe; 64 bits, so that no corpus is too large.
using index_t = std::int64_t;

// Row-major matrix: element (i, j) is data[i * stride + j], stride >= cols.
template <typename T>
struct MatrixView {
    T* data = nullptr;
    index_t rows = 0;
    index_t cols = 0;
    index_t stride = 0;

    T* row(index_t i) const { return data + i * stride; }
};

// Compressed sparse rows: row i holds (indices[p], data[p]) for p in [indptr[i], indptr[i + 1]).
// Within a row the column indices are strictly increasing (check_csr proves it).
struct CsrView {
    const float* data = nullptr;
    const std::int32_t* indices = nullptr;
    const std::int64_t* indptr = nullptr;
    index_t rows = 0;
    index_t cols = 0;

    index_t nnz() const { return indptr[rows] - indptr[0]; }
};

// One sparse row.
struct SparseRow {
    const float* data;
    const std::int32_t* indices;
    index_t nnz;
    index_t following = 0;  // how many more nonzeros lie behind these: those of the rows that come next
};

inline SparseRow sparse_row(const CsrView& x, index_t i) {
    return {x.data + x.indptr[i], x.indices + x.indptr[i], x.indptr[i + 1] - x.indptr[i],
            x.indptr[x.rows] - x.indptr[i + 1]};
}

inline index_t ceil_div(index_t a, index_t b) {
    return (a + b - 1) / b;
}

}  // namespace coterie
