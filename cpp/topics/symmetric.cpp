#include "topics/symmetric.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

#include "core/interrupt.hpp"

namespace coterie {
namespace {

constexpr int kMaxSteps = 60;            // of one eigenvalue; two or three are usual
constexpr double kNegligible = 0x1p-53;  // of the whole
constexpr double kDependent = 1e-12;

using Matrix = std::vector<double>;

// T = q^T a q: t[i] and next to it e[i] = T[i, i + 1]; q is [n, n].
struct Tridiagonal {
    std::vector<double> t, e;
    Matrix q;
};

// to[j] += f * from[j] for j in [begin, n)
void add_row(double* to, double f, const double* from, std::size_t begin, std::size_t n) {
    for (std::size_t j = begin; j < n; ++j) to[j] += f * from[j];
}

// The reflection I - beta v v^T that takes row k of a, right of the diagonal, to its first entry; v goes to that row.
double reflect(Matrix& a, std::size_t k, std::size_t n, double& image) {
    double* const v = a.data() + k * n;
    double below = 0;
    for (std::size_t j = k + 2; j < n; ++j) below += v[j] * v[j];
    image = v[k + 1];
    if (below == 0) return 0;
    image = -std::copysign(std::sqrt(v[k + 1] * v[k + 1] + below), v[k + 1]);
    v[k + 1] -= image;
    return 2 / (v[k + 1] * v[k + 1] + below);
}

// Householder: a -= v w^T + w v^T for each reflection, with p = beta a v and w = p - beta (p . v) v / 2; then
// q = H_0 H_1 ... from the last, so that only the trailing block is ever touched.
Tridiagonal tridiagonal(Matrix a, std::size_t n) {
    Tridiagonal out{std::vector<double>(n), std::vector<double>(n, 0.0), Matrix(n * n, 0.0)};
    std::vector<double> beta(n, 0.0);
    std::vector<double> w(n);
    for (std::size_t k = 0; k + 1 < n; ++k) {
        const double* const v = a.data() + k * n;
        beta[k] = reflect(a, k, n, out.e[k]);
        if (beta[k] == 0) continue;
        std::fill(w.begin(), w.end(), 0.0);
        for (std::size_t i = k + 1; i < n; ++i) add_row(w.data(), beta[k] * v[i], a.data() + i * n, k + 1, n);
        double along = 0;
        for (std::size_t j = k + 1; j < n; ++j) along += w[j] * v[j];
        add_row(w.data(), -beta[k] * along / 2, v, k + 1, n);
        for (std::size_t i = k + 1; i < n; ++i) {
            add_row(a.data() + i * n, -v[i], w.data(), k + 1, n);
            add_row(a.data() + i * n, -w[i], v, k + 1, n);
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        out.t[i] = a[i * n + i];
        out.q[i * n + i] = 1;
    }
    for (std::size_t k = n; k-- > 0;) {
        if (beta[k] == 0) continue;
        const double* const v = a.data() + k * n;
        std::fill(w.begin(), w.end(), 0.0);
        for (std::size_t i = k + 1; i < n; ++i) add_row(w.data(), v[i], out.q.data() + i * n, k + 1, n);
        for (std::size_t i = k + 1; i < n; ++i)
            add_row(out.q.data() + i * n, -beta[k] * v[i], w.data(), k + 1, n);
    }
    return out;
}

// One implicit QL step on T[l .. m]; the rows of vectors turn with it.
void ql_step(Tridiagonal& of, Matrix& vectors, std::size_t l, std::size_t m, std::size_t n) {
    std::vector<double>& t = of.t;
    std::vector<double>& e = of.e;
    const double half = (t[l + 1] - t[l]) / (2 * e[l]);
    double g = t[m] - t[l] + e[l] / (half + std::copysign(std::sqrt(half * half + 1), half));
    double s = 1;
    double c = 1;
    double shift = 0;
    for (std::size_t i = m; i-- > l;) {
        const double f = s * e[i];
        const double b = c * e[i];
        const double r = std::sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == 0) {
            t[i + 1] -= shift;
            e[m] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = t[i + 1] - shift;
        const double turned = (t[i] - g) * s + 2 * c * b;
        shift = s * turned;
        t[i + 1] = g + shift;
        g = c * turned - b;
        double* const lower = vectors.data() + i * n;
        double* const upper = lower + n;
        for (std::size_t j = 0; j < n; ++j) {
            const double x = lower[j];
            const double y = upper[j];
            upper[j] = s * x + c * y;
            lower[j] = c * x - s * y;
        }
    }
    t[l] -= shift;
    e[l] = g;
    e[m] = 0;
}

}  // namespace

Eigen symmetric_eigen(std::vector<double> a, index_t size) {
    const auto n = static_cast<std::size_t>(size);
    double whole = 0;
    for (const double entry : a) whole += entry * entry;
    const double negligible = kNegligible * std::sqrt(whole);
    Tridiagonal of = tridiagonal(std::move(a), n);
    Matrix turned(n * n);  // vectors by row while they turn
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) turned[j * n + i] = of.q[i * n + j];
    for (std::size_t l = 0; l < n; ++l) {
        check_interrupt();
        for (int step = 0; step < kMaxSteps; ++step) {
            std::size_t m = l;
            while (m + 1 < n && std::abs(of.e[m]) > negligible) ++m;
            if (m == l) break;
            ql_step(of, turned, l, m, n);
        }
    }
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t i, std::size_t j) { return of.t[i] > of.t[j]; });
    Eigen eigen;
    eigen.values.resize(n);
    eigen.vectors.resize(n * n);
    for (std::size_t j = 0; j < n; ++j) {
        eigen.values[j] = of.t[order[j]];
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
