// Samples on a device: the interface of cluster.cpp's Samples for what runs there.
#include "cluster/device_samples.hpp"

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <variant>

#include "bindings/cluster_samples.hpp"
#include "bindings/dlpack.hpp"
#include "bindings/init.hpp"
#include "cluster/device_kmeans.hpp"
#include "cluster/device_kmeans_plusplus.hpp"
#include "cuda/device.hpp"
#include "cuda/wgmma_check.hpp"

namespace coterie {
namespace {

using cluster::DeviceRows;
using cluster::DeviceSamples;

class PyDeviceSamples {
  public:
    PyDeviceSamples(const py::object& x, const std::optional<py::array>& weight, const std::string& metric,
                    const std::shared_ptr<cuda::Device>& device, int n_threads)
        : metric_(metric_named(metric)), n_threads_(n_threads), weight_(weight.value_or(py::array())) {
        if (py::isinstance<py::capsule>(x)) {
            borrow(x, device);
            return;
        }
        const RowsArgument rows(x, "X", n_threads);
        const double* const w = weight_data(rows.rows());
        py::gil_scoped_release release;
        std::visit(
            [&](const auto& view) {
                using View = std::decay_t<decltype(view)>;
                samples_ = std::make_unique<DeviceSamples<View>>(device, DeviceRows<View>(*device, view), w,
                                                                 metric_);
            },
            rows.view());
    }

    // Calls op(samples) without the GIL.
    template <typename Op>
    auto with_samples(const Op& op) const {
        py::gil_scoped_release release;
        return std::visit([&](const auto& samples) { return op(*samples); }, samples_);
    }

    double mean_feature_variance() const {
        return with_samples([](const auto& samples) { return samples.mean_feature_variance(); });
    }

    py::array_t<index_t> kmeans_plusplus(index_t k, index_t n_local_trials, std::uint64_t seed,
                                         index_t max_rows) const {
        return to_numpy(with_samples([&](const auto& samples) {
            return cluster::kmeans_plusplus(samples, k, n_local_trials, max_rows, seed);
        }));
    }

    py::tuple lloyd(const FloatRows& centers, index_t max_iter, double tol,
                    const std::optional<std::function<void(index_t, index_t)>>& on_iteration) {
        cluster::LloydResult result;
        py::array_t<float> final_centers({static_cast<index_t>(centers.shape(0)), cols()});
        float* const out = final_centers.mutable_data();
        with_centroids(centers, [&](const auto& samples, auto& centroids) {
            cluster::LloydOptions options{max_iter, tol, false, {}};
            if (on_iteration)
                options.on_iteration = [&](index_t iteration, index_t changed) {
                    py::gil_scoped_acquire gil;
                    (*on_iteration)(iteration, changed);
                };
            if (metric_ == Metric::cosine) centroids.normalise(n_threads_);
            result = cluster::kmeans(samples, centroids, options);
            centroids.copy_rows(out, n_threads_);
        });
        rows_evaluated_ = result.evaluated;
        return py::make_tuple(to_numpy(std::move(result.labels)), final_centers, result.inertia,
                              result.n_iter, result.converged, result.candidates_per_row, result.filter);
    }

    py::array_t<std::int32_t> assign(const FloatRows& centers) const {
        std::vector<std::int32_t> labels(static_cast<std::size_t>(rows()));
        with_centroids(centers, [&](const auto& samples, const auto& centroids) {
            cluster::assign_labels(samples, centroids, labels.data());
        });
        return to_numpy(std::move(labels));
    }

    py::tuple nearest_two(const FloatRows& centers) const {
        std::vector<std::int32_t> labels(static_cast<std::size_t>(2 * rows()));
        std::vector<float> distances(labels.size());
        with_centroids(centers, [&](const auto& samples, const auto& centroids) {
            cluster::nearest_two(samples, centroids, labels.data(), distances.data());
        });
        return py::make_tuple(to_numpy(std::move(labels), {rows(), 2}),
                              to_numpy(std::move(distances), {rows(), 2}));
    }

    py::array_t<float> distances(const FloatRows& centers) const {
        py::array_t<float> out({rows(), static_cast<index_t>(centers.shape(0))});
        float* const data = out.mutable_data();
        with_centroids(centers, [&](const auto& samples, const auto& centroids) {
            cluster::all_distances(samples, centroids, data);
        });
        return out;
    }

    double inertia(const FloatRows& centers, const py::array& labels) const {
        const std::int32_t* const data = vector_data<std::int32_t>(labels, rows(), "labels");
        double value = 0;
        with_centroids(centers, [&](const auto& samples, const auto& centroids) {
            for (index_t i = 0; i < samples.n_samples(); ++i)
                require(data[i] >= 0 && data[i] < centroids.k, "inertia", "labels[", i, "]=", data[i],
                        " must be within [0, ", centroids.k, ")");
            value = cluster::inertia(samples, centroids, data);
        });
        return value;
    }

    py::array_t<float> take_rows(const py::array& listed) const {
        const auto* const data = vector_data<std::int64_t>(listed, listed.size(), "rows");
        const auto* const samples = std::get_if<std::unique_ptr<DeviceSamples<Dense>>>(&samples_);
        if (samples == nullptr) throw py::type_error("rows are taken from dense samples");
        py::array_t<float> out({static_cast<index_t>(listed.size()), cols()});
        float* const to = out.mutable_data();
        const MatrixView<const float> x = (*samples)->rows().x;
        py::gil_scoped_release release;
        for (index_t r = 0; r < listed.size(); ++r) {
            require(data[r] >= 0 && data[r] < x.rows, "rows", "row ", data[r], " must be within [0, ", x.rows,
                    ")");
            (*samples)->device().download(to + r * x.cols, x.data + data[r] * x.stride,
                                          static_cast<std::size_t>(x.cols) * sizeof(float));
        }
        return out;
    }

    // In all iterations of the last call of lloyd: the others no bound left open.
    index_t rows_evaluated() const { return rows_evaluated_; }

    index_t rows() const {
        return std::visit([](const auto& samples) { return samples->n_samples(); }, samples_);
    }
    index_t cols() const {
        return std::visit([](const auto& samples) { return samples->n_features(); }, samples_);
    }

  private:
    const double* weight_data(index_t n) const {
        return weight_.size() == 0 ? nullptr : vector_data<double>(weight_, n, "sample_weight");
    }

    void borrow(const py::capsule& capsule, const std::shared_ptr<cuda::Device>& device) {
        lent_ = std::make_unique<LentMatrix>(capsule, "X");
        lent_->check_place(*device, "X");
        const double* const w = weight_data(lent_->view().rows);
        py::gil_scoped_release release;
        samples_ =
            std::make_unique<DeviceSamples<Dense>>(device, DeviceRows<Dense>(lent_->view()), w, metric_);
    }

    template <typename Op>
    void with_centroids(const FloatRows& centers, const Op& op) const {
        require(centers.ndim() == 2 && centers.shape(1) == cols() && centers.shape(0) >= 1, "kmeans",
                "centers must have shape (n_clusters, ", cols(), ")");
        const float* const data = centers.data();
        const index_t k = centers.shape(0), d = cols();
        with_samples([&](const auto& samples) {
            using View = std::decay_t<decltype(samples.rows().x)>;
            Centroids<View> centroids(k, d, metric_);
            centroids.assign_rows(data, n_threads_);
            op(samples, centroids);
            return 0;
        });
    }

    Metric metric_;
    int n_threads_;
    index_t rows_evaluated_ = 0;
    py::array_t<double> weight_;
    std::unique_ptr<LentMatrix> lent_;
    std::variant<std::unique_ptr<DeviceSamples<Dense>>, std::unique_ptr<DeviceSamples<Sparse>>> samples_;
};

}  // namespace

void init_device_samples(py::module_& m) {
    // (whether dense rows are multiplied by wgmma there, why not)
    m.def("wgmma_state", [](cuda::Device& device) {
        py::gil_scoped_release release;
        const cuda::WgmmaState state = cuda::wgmma_state(device);
        return std::make_pair(state.is_used, state.why);
    });
    py::class_<PyDeviceSamples>(m, "DeviceSamples")
        .def(py::init<const py::object&, const std::optional<py::array>&, const std::string&,
                      const std::shared_ptr<cuda::Device>&, int>(),
             py::arg("x"), py::arg("weight"), py::arg("metric"), py::arg("device"), py::arg("n_threads"))
        .def_property_readonly("n_samples", &PyDeviceSamples::rows)
        .def_property_readonly("n_features", &PyDeviceSamples::cols)
        .def_property_readonly("rows_evaluated", &PyDeviceSamples::rows_evaluated)
        .def("mean_feature_variance", &PyDeviceSamples::mean_feature_variance)
        .def("kmeans_plusplus", &PyDeviceSamples::kmeans_plusplus, py::arg("n_clusters"),
             py::arg("n_local_trials"), py::arg("seed"), py::arg("max_rows") = 0)
        .def("lloyd", &PyDeviceSamples::lloyd, py::arg("centers"), py::arg("max_iter"), py::arg("tol"),
             py::arg("on_iteration"))
        .def("assign", &PyDeviceSamples::assign, py::arg("centers"))
        .def("nearest_two", &PyDeviceSamples::nearest_two, py::arg("centers"))
        .def("distances", &PyDeviceSamples::distances, py::arg("centers"))
        .def("inertia", &PyDeviceSamples::inertia, py::arg("centers"), py::arg("labels"))
        .def("take_rows", &PyDeviceSamples::take_rows, py::arg("rows"));
}

}  // namespace coterie
