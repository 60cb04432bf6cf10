#include "topics/symmetric.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "core/interrupt.hpp"

namespace coterie {
namespace {

constexpr int kMaxSweeps = 60;
constexpr double kConverged = 1e-15;
constexpr double kDependent = 1e-12;

using Matrix = std::vector<double>;

// Zeroes a[p, q] by the rotation of angle t = tan(theta) that is the smaller of the two.
void rotate(Matrix& a, Matrix& vectors, std::size_t p, std::size_t q, std::size_t n) {
    const double off = a[p * n + q];
    const double theta = (a[q * n + q] - a[p * n + p]) / (2 * off);
    const double t = (theta >= 0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1));
    const double c = 1 / std::sqrt(t * t + 1);
    const double s = t * c;
    double* const row_p = a.data() + p * n;
    double* const row_q = a.data() + q * n;
    for (std::size_t j = 0; j < n; ++j) {
        const double x = row_p[j];
        const double y = row_q[j];
        row_p[j] = c * x - s * y;
        row_q[j] = s * x + c * y;
    }
    for (std::size_t i = 0; i < n; ++i) {
        const double x = a[i * n + p];
        const double y = a[i * n + q];
        a[i * n + p] = c * x - s * y;
        a[i * n + q] = s * x + c * y;
    }
    double* const vector_p = vectors.data() + p * n;  // vectors by row while they turn
    double* const vector_q = vectors.data() + q * n;
    for (std::size_t j = 0; j < n; ++j) {
        const double x = vector_p[j];
        const double y = vector_q[j];
        vector_p[j] = c * x - s * y;
        vector_q[j] = s * x + c * y;
    }
}

double off_diagonal(const Matrix& a, std::size_t n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = i + 1; j < n; ++j) sum += 2 * a[i * n + j] * a[i * n + j];
    return std::sqrt(sum);
}

}  // namespace

Eigen symmetric_eigen(std::vector<double> a, index_t size) {
    const auto n = static_cast<std::size_t>(size);
    Matrix turned(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) turned[i * n + i] = 1;
    double whole = 0;
    for (const double entry : a) whole += entry * entry;
    const double small = kConverged * std::sqrt(whole);
    for (int sweep = 0; sweep < kMaxSweeps && off_diagonal(a, n) > small; ++sweep) {
        check_interrupt();
        const double negligible = small / static_cast<double>(n);
        for (std::size_t p = 0; p < n; ++p)
            for (std::size_t q = p + 1; q < n; ++q)
                if (std::abs(a[p * n + q]) > negligible) rotate(a, turned, p, q, n);
    }
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t i, std::size_t j) { return a[i * n + i] > a[j * n + j]; });
    Eigen eigen;
    eigen.values.resize(n);
    eigen.vectors.resize(n * n);
    for (std::size_t j = 0; j < n; ++j) {
        eigen.values[j] = a[order[j] * n + order[j]];
        for (std::size_t i = 0; i < n; ++i) eigen.vectors[i * n + j] = turned[order[j] * n + i];
    }
    return eigen;
}

// gram = l l^T by Cholesky, r = (l^-1)^T; a dependent column leaves a zero row in l^-1.
std::vector<double> orthonormalizer(const std::vector<double>& gram, index_t size) {
    const auto n = static_cast<std::size_t>(size);
    Matrix lower(n * n, 0.0);
    std::vector<bool> kept(n, false);
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < j; ++k) {
            if (!kept[k]) continue;
            double sum = gram[j * n + k];
            for (std::size_t p = 0; p < k; ++p) sum -= lower[j * n + p] * lower[k * n + p];
            lower[j * n + k] = sum / lower[k * n + k];
        }
        double left = gram[j * n + j];
        for (std::size_t p = 0; p < j; ++p) left -= lower[j * n + p] * lower[j * n + p];
        kept[j] = left > kDependent * gram[j * n + j];
        if (kept[j]) lower[j * n + j] = std::sqrt(left);
    }
    Matrix inverse(n * n, 0.0);
    for (std::size_t j = 0; j < n; ++j) {
        if (!kept[j]) continue;
        double* const row = inverse.data() + j * n;
        row[j] = 1;
        for (std::size_t k = 0; k < j; ++k)
            for (std::size_t p = 0; p <= k; ++p) row[p] -= lower[j * n + k] * inverse[k * n + p];
        for (std::size_t p = 0; p <= j; ++p) row[p] /= lower[j * n + j];
    }
    Matrix r(n * n);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) r[i * n + j] = inverse[j * n + i];
    return r;
}

}  // namespace coterie
