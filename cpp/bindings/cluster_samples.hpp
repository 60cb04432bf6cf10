// A Samples object keeps the arrays alive and what was measured of them, so that restarts and predictions on
// the same rows do not measure again.
#pragma once

#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "bindings/arrays.hpp"
#include "cluster/centroids.hpp"
#include "cluster/samples.hpp"

namespace coterie {

using cluster::Centroids;
using cluster::Dense;
using cluster::Metric;
using cluster::Samples;
using cluster::Sparse;

using FloatRows = py::array_t<float, py::array::c_style>;

inline Metric metric_named(const std::string& name) {
    require(name == "euclidean" || name == "cosine", "kmeans",
            "metric must be 'euclidean' or 'cosine'; got '", name, "'");
    return name == "cosine" ? Metric::cosine : Metric::euclidean;
}

class PySamples {
  public:
    PySamples(const py::object& x, const std::optional<py::array>& weight, const std::string& metric,
              int n_threads)
        : rows_(x, "X", n_threads), weight_(weight.value_or(py::array())) {
        const double* w = weight ? vector_data<double>(weight_, rows_.rows(), "sample_weight") : nullptr;
        const Metric m = metric_named(metric);
        py::gil_scoped_release release;
        std::visit(
            [&](const auto& view) {
                samples_.emplace<Samples<std::decay_t<decltype(view)>>>(view, w, m, n_threads);
            },
            rows_.view());
    }

    // Calls op(samples, centroids) without the GIL.
    template <typename Op>
    void with_centroids(const FloatRows& centers, const Op& op) const {
        require(centers.ndim() == 2 && centers.shape(1) == rows_.cols() && centers.shape(0) >= 1, "kmeans",
                "centers must have shape (n_clusters, ", rows_.cols(), ")");
        const float* data = centers.data();
        const index_t k = centers.shape(0);
        std::visit(
            [&](const auto& samples) {
                using SamplesType = std::decay_t<decltype(samples)>;
                if constexpr (!std::is_same_v<SamplesType, std::monostate>) {
                    py::gil_scoped_release release;
                    Centroids<std::decay_t<decltype(samples.x)>> centroids(k, samples.x.cols, samples.metric);
                    centroids.assign_rows(data, samples.n_threads);
                    op(samples, centroids);
                }
            },
            samples_);
    }

    template <typename Op>
    auto with_samples(const Op& op) const {
        py::gil_scoped_release release;
        if (const auto* dense = std::get_if<Samples<Dense>>(&samples_)) return op(*dense);
        return op(std::get<Samples<Sparse>>(samples_));
    }

    index_t rows() const { return rows_.rows(); }
    index_t cols() const { return rows_.cols(); }

  private:
    RowsArgument rows_;
    py::array weight_;
    std::variant<std::monostate, Samples<Dense>, Samples<Sparse>> samples_;
};

// The parts of partial_step.cpp.
void init_partial_step(py::module_& m, py::class_<PySamples>& samples);

}  // namespace coterie
