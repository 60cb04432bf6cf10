// Factorisations of small symmetric matrices, sequential and in a fixed order: LAPACK's bits depend on its threads.
#pragma once

#include <vector>

#include "core/types.hpp"

namespace coterie {

struct Eigen {
    std::vector<double> values;   // [n], falling
    std::vector<double> vectors;  // [n, n], column j belongs to values[j]
};

// Of the n x n matrix a (row-major, symmetric): Householder's reduction to three diagonals, then implicit QL (Golub and
// Van Loan, Matrix Computations, 8.3), until what is next to the diagonal is <= 2^-53 of the whole. 8 n^3 operations;
// Jacobi's rotations take ten times as many.
Eigen symmetric_eigen(std::vector<double> a, index_t n);

// Returns r, [n, n] upper triangular, with (z r)^T (z r) = I for any z with z^T z = gram; a column of z that depends
// on those before it to 1e-12 of its length gets a zero column of r.
std::vector<double> orthonormalizer(const std::vector<double>& gram, index_t n);

}  // namespace coterie
