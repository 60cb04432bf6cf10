// K-means. A Samples object keeps the arrays alive and what was measured of them, so that restarts and
// predictions on the same rows do not measure again.
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.hpp"
#include "bindings/cluster_samples.hpp"
#include "bindings/init.hpp"
#include "cluster/assign_labels.hpp"
#include "cluster/data_range.hpp"
#include "cluster/filter_choice.hpp"
#include "cluster/kmeans.hpp"
#include "cluster/kmeans_parallel.hpp"
#include "cluster/kmeans_plusplus.hpp"
#include "cluster/minibatch_step.hpp"

namespace coterie {
namespace {

py::tuple lloyd(const PySamples& self, const FloatRows& centers, index_t max_iter, double tol,
                const std::optional<std::function<void(index_t, index_t)>>& on_iteration,
                bool tol_is_relative) {
    cluster::LloydResult result;
    py::array_t<float> final_centers({centers.shape(0), self.cols()});
    float* const out = final_centers.mutable_data();
    self.with_centroids(centers, [&](const auto& samples, auto& centroids) {
        cluster::LloydOptions options{max_iter, tol, tol_is_relative, {}};
        if (on_iteration)
            options.on_iteration = [&](index_t iteration, index_t changed) {
                py::gil_scoped_acquire gil;
                (*on_iteration)(iteration, changed);
            };
        if (samples.metric == Metric::cosine) centroids.normalise(samples.n_threads);
        result = cluster::kmeans(samples, centroids, options);
        centroids.copy_rows(out, samples.n_threads);
    });
    return py::make_tuple(to_numpy(std::move(result.labels)), final_centers, result.inertia, result.n_iter,
                          result.converged, result.candidates_per_row, result.filter);
}

py::array_t<std::int32_t> assign(const PySamples& self, const FloatRows& centers, const std::string& filter) {
    std::vector<std::int32_t> labels(static_cast<std::size_t>(self.rows()), -1);
    self.with_centroids(centers, [&](const auto& samples, const auto& centroids) {
        using View = std::decay_t<decltype(samples.x)>;
        const cluster::FilterChoice<View> choice(samples, centroids, 1, filter);
        cluster::assign_labels(samples, centroids, labels.data(), choice.packed(), nullptr,
                               choice.is_narrow());
    });
    return to_numpy(std::move(labels));
}

py::tuple nearest_two(const PySamples& self, const FloatRows& centers, const std::string& filter) {
    std::vector<std::int32_t> labels(static_cast<std::size_t>(2 * self.rows()));
    std::vector<float> distances(labels.size());
    self.with_centroids(centers, [&](const auto& samples, const auto& centroids) {
        using View = std::decay_t<decltype(samples.x)>;
        const cluster::FilterChoice<View> choice(samples, centroids, 1, filter);
        cluster::nearest_two(samples, centroids, choice.packed(), labels.data(), distances.data());
    });
    return py::make_tuple(to_numpy(std::move(labels), {self.rows(), 2}),
                          to_numpy(std::move(distances), {self.rows(), 2}));
}

py::array_t<float> distances(const PySamples& self, const FloatRows& centers) {
    py::array_t<float> out({self.rows(), static_cast<index_t>(centers.shape(0))});
    float* const data = out.mutable_data();
    self.with_centroids(centers, [&](const auto& samples, const auto& centroids) {
        cluster::all_distances(samples, centroids, data);
    });
    return out;
}

double inertia(const PySamples& self, const FloatRows& centers, const py::array& labels) {
    const std::int32_t* data = vector_data<std::int32_t>(labels, self.rows(), "labels");
    double value = 0;
    self.with_centroids(centers, [&](const auto& samples, const auto& centroids) {
        for (index_t i = 0; i < samples.x.rows; ++i)
            require(data[i] >= 0 && data[i] < centroids.k, "inertia", "labels[", i, "]=", data[i],
                    " must be within [0, ", centroids.k, ")");
        value = cluster::inertia(samples, centroids, data);
    });
    return value;
}

py::tuple minibatch_step(const PySamples& self, const FloatRows& centers, const py::array& cluster_weight,
                         const std::optional<py::array>& squared_norm) {
    const index_t k = centers.shape(0);
    const double* seen = vector_data<double>(cluster_weight, k, "cluster_weight");
    std::vector<double> weight(seen, seen + k);
    std::vector<std::int32_t> labels(static_cast<std::size_t>(self.rows()), -1);
    cluster::OtherFeatures others;
    if (squared_norm) {
        const double* const whole = vector_data<double>(*squared_norm, k, "squared_norm");
        others.squared_norm.assign(whole, whole + k);
    }
    py::array_t<float> moved({k, self.cols()});
    float* const out = moved.mutable_data();
    double loss = 0;
    self.with_centroids(centers, [&](const auto& samples, auto& centroids) {
        loss = cluster::minibatch_step(samples, centroids, weight.data(), labels.data(),
                                       squared_norm ? &others : nullptr);
        centroids.copy_rows(out, samples.n_threads);
    });
    return py::make_tuple(to_numpy(std::move(labels)), moved, to_numpy(std::move(weight)), loss,
                          to_numpy(std::move(others.factor)), to_numpy(std::move(others.squared_norm)));
}

}  // namespace

void init_cluster(py::module_& m) {
    py::class_<PySamples> samples(m, "Samples");
    samples
        .def(py::init<const py::object&, const std::optional<py::array>&, const std::string&, int>(),
             py::arg("x"), py::arg("weight"), py::arg("metric"), py::arg("n_threads"))
        .def("mean_feature_variance",
             [](const PySamples& self) {
                 return self.with_samples([](const auto& s) { return cluster::mean_feature_variance(s); });
             })
        .def(
            "kmeans_plusplus",
            [](const PySamples& self, index_t k, index_t n_local_trials, std::uint64_t seed,
               index_t max_rows) {
                return to_numpy(self.with_samples([&](const auto& s) {
                    return cluster::kmeans_plusplus(s, k, n_local_trials, max_rows, seed);
                }));
            },
            py::arg("n_clusters"), py::arg("n_local_trials"), py::arg("seed"), py::arg("max_rows") = 0)
        .def(
            "kmeans_parallel",
            [](const PySamples& self, index_t k, std::uint64_t seed, index_t max_rows) {
                return to_numpy(self.with_samples(
                    [&](const auto& s) { return cluster::kmeans_parallel(s, k, max_rows, seed); }));
            },
            py::arg("n_clusters"), py::arg("seed"), py::arg("max_rows") = 0)
        .def("lloyd", &lloyd, py::arg("centers"), py::arg("max_iter"), py::arg("tol"),
             py::arg("on_iteration"), py::arg("tol_is_relative") = false)
        .def("assign", &assign, py::arg("centers"), py::arg("filter") = "auto")
        .def("nearest_two", &nearest_two, py::arg("centers"), py::arg("filter") = "auto")
        .def("distances", &distances, py::arg("centers"))
        .def("inertia", &inertia, py::arg("centers"), py::arg("labels"))
        .def("minibatch_step", &minibatch_step, py::arg("centers"), py::arg("cluster_weight"),
             py::arg("squared_norm") = py::none());
    init_partial_step(m, samples);
}

}  // namespace coterie
