// From the entries of a chunk of documents to its rows of the matrix.
#pragma once

#include <cstdint>
#include <vector>

#include "text/count_terms.hpp"

namespace coterie::text {

// Replaces the term of every entry by columns[term] and drops the entries where that is -1.
void translate_to_columns(CountedRows& rows, const std::vector<std::int32_t>& columns);

// Scratch of one thread.
class RowWriter {
  public:
    // Sorts the translated entries of each row by column, weighs them, and writes row after row to indices
    // and data.
    template <typename T>
    void write(const CountedRows& rows, index_t n_columns, const WeightOptions& weights,
               std::int32_t* indices, T* data);

  private:
    void sort_each_row(const CountedRows& rows, std::int32_t* indices);
    void sort_all_rows(const CountedRows& rows, index_t n_columns, std::int32_t* indices);

    std::vector<std::uint64_t> keys_, sorted_;
    std::vector<std::uint32_t> row_of_;
    std::vector<std::int64_t> next_;
    std::vector<double> values_;
};

}  // namespace coterie::text
