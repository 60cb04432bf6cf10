#include "cluster/linkage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "core/check.hpp"
#include "core/interrupt.hpp"

namespace coterie::cluster {
namespace {

// The symmetric distances of which only the upper triangle is stored.
struct Triangle {
    double* data;
    index_t n;

    double& at(index_t i, index_t j) const {
        if (i > j) std::swap(i, j);
        return data[i * n - i * (i + 1) / 2 + j - i - 1];
    }
};

struct Single {
    static double update(double uz, double vz, double, double, double, double) { return std::min(uz, vz); }
};
struct Complete {
    static double update(double uz, double vz, double, double, double, double) { return std::max(uz, vz); }
};
struct Average {
    static double update(double uz, double vz, double, double u, double v, double) {
        return (u * uz + v * vz) / (u + v);
    }
};
// On squared distances. The result is at least the smaller of the two in exact arithmetic when u and v are nearest to each
// other; rounding may take it below, and the chain relies on it.
struct Ward {
    static double update(double uz, double vz, double uv, double u, double v, double z) {
        return std::max(((u + z) * uz + (v + z) * vz - z * uv) / (u + v + z), std::min(uz, vz));
    }
};

struct FoundMerge {
    index_t kept, gone;  // the merged cluster goes on in the place of `kept`
    double distance;
};

// The nearest cluster of x that is left; `best` and its distance are to be beaten, not equalled.
std::pair<index_t, double> nearest(const Triangle& d, const std::vector<index_t>& left, index_t x,
                                   index_t best, double distance) {
    for (const index_t i : left) {
        if (i == x) continue;
        const double other = d.at(x, i);
        if (other < distance) {
            distance = other;
            best = i;
        }
    }
    return {best, distance};
}

template <typename Update>
std::vector<FoundMerge> chain_merges(const Triangle& d, std::vector<double> weight) {
    std::vector<index_t> left(static_cast<std::size_t>(d.n)), chain;
    std::iota(left.begin(), left.end(), index_t{0});
    std::vector<FoundMerge> found;
    while (left.size() > 1) {
        check_interrupt();
        if (chain.empty()) chain.push_back(left.front());
        index_t y = -1;
        double distance = std::numeric_limits<double>::infinity();
        for (;;) {
            const index_t x = chain.back();
            const index_t before = chain.size() > 1 ? chain[chain.size() - 2] : -1;
            if (before >= 0) distance = d.at(x, before);
            std::tie(y, distance) = nearest(d, left, x, before, distance);
            if (y == before) break;
            chain.push_back(y);
            distance = std::numeric_limits<double>::infinity();
        }
        const index_t x = chain.back();
        chain.resize(chain.size() - 2);
        const index_t gone = std::min(x, y), kept = std::max(x, y);
        left.erase(std::lower_bound(left.begin(), left.end(), gone));
        const double u = weight[static_cast<std::size_t>(gone)], v = weight[static_cast<std::size_t>(kept)];
        for (const index_t z : left) {
            if (z == kept) continue;
            const double w = weight[static_cast<std::size_t>(z)];
            d.at(kept, z) = Update::update(d.at(gone, z), d.at(kept, z), distance, u, v, w);
        }
        weight[static_cast<std::size_t>(kept)] = u + v;
        found.push_back({kept, gone, distance});
    }
    return found;
}

// The root of a point, halving the path on the way.
index_t root_of(std::vector<index_t>& parent, index_t i) {
    while (parent[static_cast<std::size_t>(i)] != i) {
        auto& up = parent[static_cast<std::size_t>(i)];
        up = parent[static_cast<std::size_t>(up)];
        i = up;
    }
    return i;
}

Merges numbered(std::vector<FoundMerge> found, const double* weights, index_t n) {
    std::stable_sort(found.begin(), found.end(),
                     [](const FoundMerge& a, const FoundMerge& b) { return a.distance < b.distance; });
    std::vector<index_t> parent(static_cast<std::size_t>(2 * n - 1));
    std::iota(parent.begin(), parent.end(), index_t{0});
    std::vector<double> weight(weights, weights + n);
    Merges merges;
    for (const FoundMerge& merge : found) {
        const index_t a = root_of(parent, merge.gone), b = root_of(parent, merge.kept);
        const index_t made = static_cast<index_t>(weight.size());
        parent[static_cast<std::size_t>(a)] = parent[static_cast<std::size_t>(b)] = made;
        weight.push_back(weight[static_cast<std::size_t>(a)] + weight[static_cast<std::size_t>(b)]);
        merges.children.push_back(std::min(a, b));
        merges.children.push_back(std::max(a, b));
        merges.distances.push_back(merge.distance);
        merges.weights.push_back(weight.back());
    }
    return merges;
}

void check_input(const double* distances, const double* weights, index_t n) {
    for (index_t i = 0; i < n; ++i)
        require(weights[i] > 0 && std::isfinite(weights[i]), "linkage", "weights[", i, "]=", weights[i],
                " must be finite and > 0");
    for (index_t i = 0; i < n * (n - 1) / 2; ++i)
        require(distances[i] >= 0 && std::isfinite(distances[i]), "linkage", "distances[", i,
                "]=", distances[i], " must be finite and >= 0");
}

}  // namespace

Merges linkage(double* distances, const double* weights, index_t n, const std::string& method) {
    require(n >= 1, "linkage", "n_points=", n, " must be >= 1");
    check_input(distances, weights, n);
    const Triangle d{distances, n};
    const std::vector<double> weight(weights, weights + n);
    if (method == "single") return numbered(chain_merges<Single>(d, weight), weights, n);
    if (method == "complete") return numbered(chain_merges<Complete>(d, weight), weights, n);
    if (method == "average") return numbered(chain_merges<Average>(d, weight), weights, n);
    require(method == "ward", "linkage", "method=", method, " must be ward, average, complete or single");
    double* p = distances;
    for (index_t i = 0; i < n; ++i)
        for (index_t j = i + 1; j < n; ++j, ++p)
            *p *= *p * (2 * weights[i] * weights[j] / (weights[i] + weights[j]));
    Merges merges = numbered(chain_merges<Ward>(d, weight), weights, n);
    for (double& distance : merges.distances) distance = std::sqrt(distance);
    return merges;
}

}  // namespace coterie::cluster
