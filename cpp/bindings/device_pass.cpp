// A pass over rows that are streamed through a device: what partial_step.cpp's does on the CPU.
#include "cluster/device_pass.hpp"

#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <type_traits>
#include <variant>

#include "bindings/cluster_samples.hpp"
#include "bindings/init.hpp"
#include "bindings/partials.hpp"

namespace coterie {
namespace {

using cluster::DevicePass;

class PyDevicePass {
  public:
    PyDevicePass(const std::shared_ptr<cuda::Device>& device, const std::string& metric, bool is_sparse,
                 index_t n_clusters, const py::array& feature_scale, double weight_scale, index_t most_rows,
                 index_t n_nonzero, bool is_weighted, int n_threads)
        : metric_(metric_named(metric)),
          k_(n_clusters),
          d_(feature_scale.size()),
          is_weighted_(is_weighted),
          n_threads_(n_threads) {
        require(k_ >= 1 && d_ >= 1 && most_rows >= 1 && n_nonzero >= 0, "kmeans", "n_clusters=", k_,
                ", n_features=", d_, ", most_rows=", most_rows, " and n_nonzero=", n_nonzero,
                " must be positive");
        const cluster::Scales scales = scales_argument(feature_scale, weight_scale, d_);
        py::gil_scoped_release release;
        if (is_sparse) {
            make<Sparse>(device, scales, {most_rows, n_nonzero});
        } else {
            make<Dense>(device, scales, {most_rows, n_nonzero});
        }
    }

    void begin(const FloatRows& centers, bool as_difference, bool with_inertia) {
        require(centers.ndim() == 2 && centers.shape(0) == k_ && centers.shape(1) == d_, "kmeans",
                "centers must have shape (", k_, ", ", d_, ")");
        const float* const data = centers.data();
        labels_.clear();
        py::gil_scoped_release release;
        std::visit(
            [&](auto& pass) {
                auto centroids = centroids_of(*pass);
                centroids.assign_rows(data, n_threads_);
                pass->begin(centroids, {as_difference, with_inertia});
            },
            pass_);
    }

    void add(const py::object& x, const std::optional<py::array>& weight, py::array_t<std::int32_t> labels) {
        const RowsArgument rows(x, "X", n_threads_);
        require(weight.has_value() == is_weighted_, "kmeans",
                "sample_weight must be given for all blocks or none");
        const double* const w = weight ? vector_data<double>(*weight, rows.rows(), "sample_weight") : nullptr;
        std::int32_t* const out = labels_of_block(labels, rows.rows(), k_);
        labels_.push_back(std::move(labels));
        py::gil_scoped_release release;
        std::visit(
            [&](auto& pass) {
                using View = typename std::decay_t<decltype(*pass)>::Rows;
                const auto* const view = std::get_if<View>(&rows.view());
                require(view != nullptr, "kmeans", "blocks must be all dense or all sparse");
                pass->add(*view, w, out);
            },
            pass_);
    }

    py::tuple finish() {
        cluster::Partial partial;
        ExactSum squared_norm;
        {
            py::gil_scoped_release release;
            std::visit(
                [&](auto& pass) {
                    partial = pass->finish();
                    squared_norm = pass->squared_norm();
                },
                pass_);
        }
        labels_.clear();
        return pass_result(std::move(partial), squared_norm, k_, d_);
    }

  private:
    template <typename View>
    void make(const std::shared_ptr<cuda::Device>& device, const cluster::Scales& scales,
              const cluster::BlockRoom& room) {
        const Centroids<View> shape = zero_centroids<View>();
        pass_ = std::make_unique<DevicePass<View>>(device, metric_, shape, scales, room, is_weighted_);
    }
    template <typename View>
    Centroids<View> zero_centroids() const {
        Centroids<View> centroids(k_, d_, metric_);
        centroids.prepare(n_threads_);
        return centroids;
    }
    template <typename View>
    Centroids<View> centroids_of(const DevicePass<View>&) const {
        return Centroids<View>(k_, d_, metric_);
    }

    Metric metric_;
    index_t k_, d_;
    bool is_weighted_;
    int n_threads_;
    std::vector<py::array_t<std::int32_t>> labels_;  // kept until the results are in them
    std::variant<std::unique_ptr<DevicePass<Dense>>, std::unique_ptr<DevicePass<Sparse>>> pass_;
};

}  // namespace

void init_device_pass(py::module_& m) {
    py::class_<PyDevicePass>(m, "DevicePass")
        .def(py::init<const std::shared_ptr<cuda::Device>&, const std::string&, bool, index_t,
                      const py::array&, double, index_t, index_t, bool, int>(),
             py::arg("device"), py::arg("metric"), py::arg("is_sparse"), py::arg("n_clusters"),
             py::arg("feature_scale"), py::arg("weight_scale"), py::arg("most_rows"), py::arg("n_nonzero"),
             py::arg("is_weighted"), py::arg("n_threads"))
        .def("begin", &PyDevicePass::begin, py::arg("centers"), py::arg("as_difference"),
             py::arg("with_inertia"))
        .def("add", &PyDevicePass::add, py::arg("x"), py::arg("weight"), py::arg("labels").noconvert())
        .def("finish", &PyDevicePass::finish);
}

}  // namespace coterie
