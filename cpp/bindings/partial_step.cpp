// Lloyd's iteration by shards, and what a pass over a stream needs beside it.
#include "cluster/partial_step.hpp"

#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "bindings/cluster_samples.hpp"
#include "bindings/partials.hpp"
#include "cluster/sample_rows.hpp"
#include "cluster/seed_filter.hpp"

namespace coterie {
namespace {

py::tuple data_range(const PySamples& self) {
    cluster::DataRange range = self.with_samples([](const auto& s) { return cluster::data_range(s); });
    return py::make_tuple(range.n_samples, range.n_nonzero, to_numpy(std::move(range.largest)),
                          digits_of(range.total_weight), digits_of(range.squared_norm));
}

py::array_t<std::uint32_t> squared_norm_digits(const PySamples& self) {
    return digits_of(self.with_samples([](const auto& s) {
        ExactSum sum;
        for (const double norm : s.squared_norm) sum.add(norm);
        return sum;
    }));
}

py::array_t<std::int64_t> feature_sums(const PySamples& self, const py::array& scale) {
    const double* data = vector_data<double>(scale, self.cols(), "feature_scale");
    const std::vector<double> scales(data, data + self.cols());
    return to_numpy(self.with_samples([&](const auto& s) { return cluster::feature_sums(s, scales); }));
}

py::tuple partial_step(const PySamples& self, const FloatRows& centers, const py::array& feature_scale,
                       double weight_scale, const py::array& previous_labels, bool with_inertia) {
    const cluster::Scales scales = scales_argument(feature_scale, weight_scale, self.cols());
    const std::int32_t* before = vector_data<std::int32_t>(previous_labels, self.rows(), "previous_labels");
    std::vector<std::int32_t> labels(before, before + self.rows());
    cluster::Partial partial;
    self.with_centroids(centers, [&](const auto& samples, const auto& centroids) {
        for (const std::int32_t label : labels)
            require(label >= -1 && label < centroids.k, "partial_step", "previous_labels holds ", label,
                    "; wanted -1 to ", centroids.k - 1);
        partial = cluster::partial_step(samples, centroids, scales, with_inertia, labels.data());
    });
    const cluster::AssignStats& stats = partial.stats;
    return py::make_tuple(to_numpy(std::move(labels)),
                          to_numpy(std::move(partial.sums), {centers.shape(0), self.cols()}),
                          to_numpy(std::move(partial.cluster_weight)), stats.changed, stats.evaluated,
                          stats.candidates, digits_of(partial.inertia), partial.filter);
}

py::tuple moved_rows(const PySamples& self, index_t k, const py::array& feature_scale, double weight_scale,
                     const py::array& from, const py::array& to) {
    const cluster::Scales scales = scales_argument(feature_scale, weight_scale, self.cols());
    const std::int32_t* source = vector_data<std::int32_t>(from, self.rows(), "from");
    const std::int32_t* target = vector_data<std::int32_t>(to, self.rows(), "to");
    for (index_t i = 0; i < self.rows(); ++i)
        require(source[i] >= -1 && source[i] < k && target[i] >= 0 && target[i] < k, "moved_rows", "row ", i,
                " moves from ", source[i], " to ", target[i], "; wanted clusters below ", k);
    cluster::Partial partial =
        self.with_samples([&](const auto& s) { return cluster::moved_rows(s, k, scales, source, target); });
    return py::make_tuple(to_numpy(std::move(partial.sums), {k, self.cols()}),
                          to_numpy(std::move(partial.cluster_weight)));
}

py::tuple new_centers(const PySamples& self, const FloatRows& centers, const py::array& feature_scale,
                      double weight_scale, const py::array_t<std::int64_t, py::array::c_style>& sums,
                      const py::array& cluster_weight) {
    const cluster::Scales scales = scales_argument(feature_scale, weight_scale, self.cols());
    require(sums.ndim() == 2 && sums.shape(0) == centers.shape(0) && sums.shape(1) == self.cols(),
            "new_centers", "sums must have the shape of centers");
    const std::int64_t* weight =
        vector_data<std::int64_t>(cluster_weight, centers.shape(0), "cluster_weight");
    const std::int64_t* totals = sums.data();
    py::array_t<float> moved({static_cast<index_t>(centers.shape(0)), self.cols()});
    float* const out = moved.mutable_data();
    std::vector<double> squared_shift;
    self.with_centroids(centers, [&](const auto& samples, auto& centroids) {
        squared_shift = cluster::new_centroids(samples, scales, totals, weight, centroids);
        centroids.copy_rows(out, samples.n_threads);
    });
    return py::make_tuple(moved, to_numpy(std::move(squared_shift)));
}

py::array_t<float> start_centers(const PySamples& self, const FloatRows& centers) {
    py::array_t<float> start({static_cast<index_t>(centers.shape(0)), self.cols()});
    float* const out = start.mutable_data();
    self.with_centroids(centers, [&](const auto& samples, auto& centroids) {
        if (samples.metric == Metric::cosine) centroids.normalise(samples.n_threads);
        centroids.copy_rows(out, samples.n_threads);
    });
    return start;
}

py::array_t<double> own_distances(const PySamples& self, const FloatRows& centers, const py::array& labels) {
    const std::int32_t* data = vector_data<std::int32_t>(labels, self.rows(), "labels");
    std::vector<double> out(static_cast<std::size_t>(self.rows()));
    self.with_centroids(centers, [&](const auto& samples, const auto& centroids) {
        for (index_t i = 0; i < samples.x.rows; ++i)
            require(data[i] >= 0 && data[i] < centroids.k, "own_distances", "labels[", i, "]=", data[i],
                    " must be within [0, ", centroids.k, ")");
        cluster::own_distances(samples, centroids, data, out.data());
    });
    return to_numpy(std::move(out));
}

py::tuple integer_scales(const std::vector<float>& largest, double total_weight, const std::string& metric) {
    cluster::Scales scales = cluster::scales_for(largest, total_weight, metric_named(metric));
    return py::make_tuple(to_numpy(std::move(scales.feature)), scales.weight);
}

double variance_from_sums(index_t n_samples, double squared_norm, const std::vector<std::int64_t>& sums,
                          const std::vector<double>& scale) {
    require(sums.size() == scale.size(), "variance_from_sums", "sums has ", sums.size(),
            " features; wanted those of scale, ", scale.size());
    return cluster::mean_feature_variance(n_samples, squared_norm, sums, scale);
}

}  // namespace

void init_partial_step(py::module_& m, py::class_<PySamples>& samples) {
    samples.def_property_readonly("n_samples", &PySamples::rows)
        .def_property_readonly("n_features", &PySamples::cols)
        .def("data_range", &data_range)
        .def("squared_norm_digits", &squared_norm_digits)
        .def("feature_sums", &feature_sums, py::arg("feature_scale"))
        .def("start_centers", &start_centers, py::arg("centers"))
        .def("partial_step", &partial_step, py::arg("centers"), py::arg("feature_scale"),
             py::arg("weight_scale"), py::arg("previous_labels"), py::arg("with_inertia"))
        .def("moved_rows", &moved_rows, py::arg("n_clusters"), py::arg("feature_scale"),
             py::arg("weight_scale"), py::arg("source"), py::arg("target"))
        .def("new_centers", &new_centers, py::arg("centers"), py::arg("feature_scale"),
             py::arg("weight_scale"), py::arg("sums"), py::arg("cluster_weight"))
        .def("own_distances", &own_distances, py::arg("centers"), py::arg("labels"));
    m.def("integer_scales", &integer_scales, py::arg("largest"), py::arg("total_weight"), py::arg("metric"));
    m.def("variance_from_sums", &variance_from_sums, py::arg("n_samples"), py::arg("squared_norm"),
          py::arg("sums"), py::arg("feature_scale"));
    m.def(
        "rows_to_seed_from",
        [](index_t n_samples, index_t n_clusters, std::uint64_t seed) {
            std::vector<index_t> rows;
            {
                py::gil_scoped_release release;
                rows = cluster::rows_to_seed_from(n_samples, n_clusters, seed);
            }
            return to_numpy(std::move(rows));
        },
        py::arg("n_samples"), py::arg("n_clusters"), py::arg("seed"));
    m.def("seed_filter_bytes", &cluster::SeedFilter::bytes_per_row, py::arg("n_features"));
}

}  // namespace coterie
