// Lloyd's algorithm over rows that Python brings block by block.
#include "cluster/streamed_lloyd.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bindings/cluster_samples.hpp"
#include "bindings/init.hpp"
#include "bindings/partials.hpp"

namespace coterie {
namespace {

using cluster::StreamedLloyd;

class PyStreamedLloyd {
  public:
    PyStreamedLloyd(index_t n_samples, index_t n_clusters, bool is_sparse, const std::string& metric,
                    const py::array& feature_scale, double weight_scale, int n_threads)
        : k_(n_clusters), d_(feature_scale.size()), n_threads_(n_threads) {
        require(n_samples >= 1 && k_ >= 1 && d_ >= 1, "kmeans", "n_samples=", n_samples, ", n_clusters=", k_,
                " and n_features=", d_, " must be positive");
        const cluster::Scales scales = scales_argument(feature_scale, weight_scale, d_);
        const Metric m = metric_named(metric);
        if (is_sparse) {
            lloyd_.emplace<StreamedLloyd<Sparse>>(n_samples, k_, m, scales, n_threads);
        } else {
            lloyd_.emplace<StreamedLloyd<Dense>>(n_samples, k_, m, scales, n_threads);
        }
    }

    void start(const FloatRows& centers, bool are_new) {
        require(centers.ndim() == 2 && centers.shape(0) == k_ && centers.shape(1) == d_, "kmeans",
                "centers must have shape (", k_, ", ", d_, ")");
        const float* const data = centers.data();
        py::gil_scoped_release release;
        with_lloyd([&](auto& lloyd) { lloyd.start(data, are_new); });
    }

    void begin(bool is_last) {
        with_lloyd([&](auto& lloyd) { lloyd.begin(is_last); });
    }

    void add(const PySamples& block, index_t first, py::array_t<std::int32_t> labels) {
        std::int32_t* const out = labels_of_block(labels, block.rows(), k_);
        with_both(block, [&](const auto& samples, auto& lloyd) { lloyd.add(samples, first, out); });
    }

    py::tuple finish() {
        cluster::PassResult pass;
        with_lloyd([&](auto& lloyd) { pass = lloyd.finish(); });
        return py::make_tuple(pass.stats.changed, pass.stats.evaluated, pass.stats.candidates,
                              digits_of(pass.inertia), digits_of(pass.squared_norm), pass.filter);
    }

    py::array_t<std::int64_t> cluster_weight() {
        std::vector<std::int64_t> weight;
        with_lloyd([&](const auto& lloyd) { weight = lloyd.cluster_weight(); });
        return to_numpy(std::move(weight));
    }

    py::array_t<double> own_distances(const PySamples& block, py::array_t<std::int32_t> labels) {
        const std::int32_t* const own = clusters_of(labels, block.rows(), "labels");
        std::vector<double> out(static_cast<std::size_t>(block.rows()));
        with_both(block, [&](const auto& samples, const auto& lloyd) {
            cluster::own_distances(samples, lloyd.centroids(), own, out.data());
        });
        return to_numpy(std::move(out));
    }

    py::array_t<double> update_centers(const PySamples& moved, py::array_t<std::int32_t> from,
                                       py::array_t<std::int32_t> to) {
        const std::int32_t* const source = clusters_of(from, moved.rows(), "source");
        const std::int32_t* const target = clusters_of(to, moved.rows(), "target");
        std::vector<double> squared_shift;
        with_both(moved, [&](const auto& samples, auto& lloyd) {
            squared_shift = lloyd.update_centroids(samples, source, target);
        });
        return to_numpy(std::move(squared_shift));
    }

    py::array_t<float> centers() {
        py::array_t<float> rows({k_, d_});
        float* const out = rows.mutable_data();
        py::gil_scoped_release release;
        with_lloyd([&](const auto& lloyd) { lloyd.centroids().copy_rows(out, n_threads_); });
        return rows;
    }

    py::tuple nonzero_centers() {
        auto* const lloyd = std::get_if<StreamedLloyd<Sparse>>(&lloyd_);
        require(lloyd != nullptr, "kmeans", "centres of dense rows have no zeros to leave out");
        cluster::NonzeroWeights found;
        {
            py::gil_scoped_release release;
            found = cluster::nonzero_weights(lloyd->centroids(), n_threads_);
        }
        return py::make_tuple(to_numpy(std::move(found.start)), to_numpy(std::move(found.cluster)),
                              to_numpy(std::move(found.value)));
    }

  private:
    template <typename Op>
    void with_lloyd(const Op& op) {
        if (auto* dense = std::get_if<StreamedLloyd<Dense>>(&lloyd_)) return op(*dense);
        op(std::get<StreamedLloyd<Sparse>>(lloyd_));
    }

    template <typename Op>
    void with_both(const PySamples& rows, const Op& op) {
        require(rows.cols() == d_, "kmeans", "a block has ", rows.cols(), " features; wanted ", d_);
        rows.with_samples([&](const auto& samples) {
            using View = std::decay_t<decltype(samples.x)>;
            auto* const lloyd = std::get_if<StreamedLloyd<View>>(&lloyd_);
            require(lloyd != nullptr, "kmeans", "blocks must be all dense or all sparse");
            op(samples, *lloyd);
        });
    }

    const std::int32_t* clusters_of(const py::array& clusters, index_t n, const char* name) const {
        const std::int32_t* const data = vector_data<std::int32_t>(clusters, n, name);
        for (index_t i = 0; i < n; ++i)
            require(data[i] >= 0 && data[i] < k_, "kmeans", name, "[", i, "]=", data[i],
                    " must be within [0, ", k_, ")");
        return data;
    }

    index_t k_, d_;
    int n_threads_;
    std::variant<std::monostate, StreamedLloyd<Dense>, StreamedLloyd<Sparse>> lloyd_;
};

}  // namespace

void init_streamed_lloyd(py::module_& m) {
    py::class_<PyStreamedLloyd>(m, "StreamedLloyd")
        .def(py::init<index_t, index_t, bool, const std::string&, const py::array&, double, int>(),
             py::arg("n_samples"), py::arg("n_clusters"), py::arg("is_sparse"), py::arg("metric"),
             py::arg("feature_scale"), py::arg("weight_scale"), py::arg("n_threads"))
        .def("start", &PyStreamedLloyd::start, py::arg("centers"), py::arg("are_new"))
        .def("begin", &PyStreamedLloyd::begin, py::arg("is_last"))
        .def("add", &PyStreamedLloyd::add, py::arg("block"), py::arg("first"), py::arg("labels").noconvert())
        .def("finish", &PyStreamedLloyd::finish)
        .def("cluster_weight", &PyStreamedLloyd::cluster_weight)
        .def("own_distances", &PyStreamedLloyd::own_distances, py::arg("block"), py::arg("labels"))
        .def("update_centers", &PyStreamedLloyd::update_centers, py::arg("moved"), py::arg("source"),
             py::arg("target"))
        .def("centers", &PyStreamedLloyd::centers)
        .def("nonzero_centers", &PyStreamedLloyd::nonzero_centers);
}

}  // namespace coterie
