#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.hpp"
#include "bindings/init.hpp"
#include "bindings/topic_models.hpp"
#include "topics/cluster_sums.hpp"
#include "topics/complement_bayes.hpp"
#include "topics/dirichlet_mixture.hpp"
#include "topics/latent_dirichlet_allocation.hpp"
#include "topics/topic_mixtures.hpp"

namespace py = pybind11;

namespace coterie {
namespace {

const CsrView& sparse_view(const RowsArgument& rows, const char* name) {
    if (!rows.is_sparse()) throw py::type_error(std::string(name) + " must be given as CSR");
    return std::get<CsrView>(rows.view());
}

py::tuple bind_cluster_sums(const py::object& x, const py::array& labels, index_t n_clusters,
                            const std::optional<py::array>& row_weights, int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& csr = sparse_view(rows, "X");
    const std::int32_t* label_data = vector_data<std::int32_t>(labels, csr.rows, "labels");
    const double* weights =
        row_weights ? vector_data<double>(*row_weights, csr.rows, "row_weights") : nullptr;
    ClusterSums sums;
    {
        py::gil_scoped_release release;
        sums = cluster_sums(csr, label_data, n_clusters, weights, n_threads);
    }
    return py::make_tuple(to_numpy(std::move(sums.data)), to_numpy(std::move(sums.indices)),
                          to_numpy(std::move(sums.indptr)));
}

py::array_t<float> bind_complement_weights(const py::object& x, const py::array& labels, index_t n_clusters,
                                           int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& csr = sparse_view(rows, "X");
    const std::int32_t* label_data = vector_data<std::int32_t>(labels, csr.rows, "labels");
    require(n_clusters >= 1, "complement_weights", "n_clusters=", n_clusters, " must be >= 1");
    std::vector<float> told(static_cast<std::size_t>(csr.cols * n_clusters));
    {
        py::gil_scoped_release release;
        complement_weights(csr, label_data, n_clusters, told.data(), n_threads);
    }
    return to_numpy(std::move(told), {csr.cols, n_clusters});
}

py::tuple bind_dirichlet_mixture(const py::object& x, index_t n_clusters, double alpha, double beta,
                                 index_t n_passes, index_t block_size, bool takes_mode, std::uint64_t seed,
                                 int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& csr = sparse_view(rows, "X");
    MixtureRun run;
    {
        py::gil_scoped_release release;
        run = dirichlet_mixture(csr, {n_clusters, alpha, beta}, n_passes, block_size, takes_mode, seed,
                                n_threads);
    }
    return py::make_tuple(to_numpy(std::move(run.labels)), to_numpy(std::move(run.n_moved)),
                          to_numpy(std::move(run.n_active)), run.log_likelihood);
}

py::tuple bind_mixture_posterior(const py::object& x, const py::object& tokens, const py::array& sizes,
                                 double alpha, double beta, bool with_probabilities, int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& csr = sparse_view(rows, "X");
    const TermTopics state = term_topics_argument(tokens, "tokens");
    const std::vector<std::int64_t> size = vector_of<std::int64_t>(sizes, "sizes");
    const auto n_clusters = static_cast<index_t>(size.size());
    std::vector<std::int32_t> labels(static_cast<std::size_t>(csr.rows));
    std::vector<double> log_evidence(labels.size());
    std::vector<double> probabilities(with_probabilities ? labels.size() * size.size() : 0);
    {
        py::gil_scoped_release release;
        mixture_posterior(csr, {&state, size.data()}, {n_clusters, alpha, beta}, labels.data(),
                          log_evidence.data(), with_probabilities ? probabilities.data() : nullptr,
                          n_threads);
    }
    const std::vector<index_t> shape = {with_probabilities ? csr.rows : 0, n_clusters};
    return py::make_tuple(to_numpy(std::move(labels)), to_numpy(std::move(log_evidence)),
                          to_numpy(std::move(probabilities), shape));
}

py::tuple bind_latent_dirichlet_allocation(const py::object& x, const py::array& alpha, double beta,
                                           index_t n_iter, bool learns, index_t n_samples,
                                           const py::object& background, std::uint64_t seed, int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& csr = sparse_view(rows, "X");
    TopicPriors priors{vector_of<double>(alpha, "alpha"), beta};
    TermTopics known;
    if (!background.is_none()) known = term_topics_argument(background, "background");
    TopicRun run;
    {
        py::gil_scoped_release release;
        run = latent_dirichlet_allocation(csr, std::move(priors), n_iter, learns, n_samples,
                                          known.indptr.empty() ? nullptr : &known, seed, n_threads);
    }
    return py::make_tuple(to_python(std::move(run.term_topics)), run.n_samples,
                          to_numpy(std::move(run.priors.alpha)), run.priors.beta, run.log_likelihood,
                          run.n_tokens);
}

py::array_t<float> bind_topic_mixtures(const py::object& x, const py::object& term_topics,
                                       const py::array& totals, const py::array& alpha, double beta,
                                       index_t max_iter, double tol, int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& csr = sparse_view(rows, "X");
    const TermTopics counts = term_topics_argument(term_topics, "term_topics");
    const std::vector<std::int64_t> total = vector_of<std::int64_t>(totals, "totals");
    const TopicPriors priors{vector_of<double>(alpha, "alpha"), beta};
    std::vector<float> mixtures(static_cast<std::size_t>(csr.rows) * total.size());
    {
        py::gil_scoped_release release;
        topic_mixtures(csr, {&counts, &total, &priors}, {max_iter, tol}, mixtures.data(), n_threads);
    }
    return to_numpy(std::move(mixtures), {csr.rows, static_cast<index_t>(total.size())});
}

py::array_t<double> bind_mixture_log_likelihood(const py::object& x, const py::object& term_topics,
                                                const py::array& totals, const py::array& alpha, double beta,
                                                const py::array& mixtures, int n_threads) {
    const RowsArgument rows(x, "X", n_threads);
    const CsrView& csr = sparse_view(rows, "X");
    const TermTopics counts = term_topics_argument(term_topics, "term_topics");
    const std::vector<std::int64_t> total = vector_of<std::int64_t>(totals, "totals");
    const TopicPriors priors{vector_of<double>(alpha, "alpha"), beta};
    const MatrixView<const float> theta = matrix_view(mixtures, "mixtures");
    require(theta.rows == csr.rows && theta.cols == static_cast<index_t>(total.size()) &&
                theta.stride == theta.cols,
            "mixtures", "expected shape (", csr.rows, ", ", total.size(), "); got (", theta.rows, ", ",
            theta.cols, ")");
    std::vector<double> out(static_cast<std::size_t>(csr.rows));
    {
        py::gil_scoped_release release;
        mixture_log_likelihood(csr, {&counts, &total, &priors}, theta.data, out.data(), n_threads);
    }
    return to_numpy(std::move(out));
}

}  // namespace

void init_topics(py::module_& m) {
    m.def("cluster_sums", &bind_cluster_sums, py::arg("X"), py::arg("labels"), py::arg("n_clusters"),
          py::arg("row_weights").none(true), py::arg("n_threads"));
    m.def("complement_weights", &bind_complement_weights, py::arg("X"), py::arg("labels"),
          py::arg("n_clusters"), py::arg("n_threads"));
    m.def("dirichlet_mixture", &bind_dirichlet_mixture, py::arg("X"), py::arg("n_clusters"), py::arg("alpha"),
          py::arg("beta"), py::arg("n_passes"), py::arg("block_size"), py::arg("takes_mode"), py::arg("seed"),
          py::arg("n_threads"));
    m.def("mixture_posterior", &bind_mixture_posterior, py::arg("X"), py::arg("tokens"), py::arg("sizes"),
          py::arg("alpha"), py::arg("beta"), py::arg("with_probabilities"), py::arg("n_threads"));
    m.def("latent_dirichlet_allocation", &bind_latent_dirichlet_allocation, py::arg("X"), py::arg("alpha"),
          py::arg("beta"), py::arg("n_iter"), py::arg("learns"), py::arg("n_samples"),
          py::arg("background").none(true), py::arg("seed"), py::arg("n_threads"));
    m.def("topic_mixtures", &bind_topic_mixtures, py::arg("X"), py::arg("term_topics"), py::arg("totals"),
          py::arg("alpha"), py::arg("beta"), py::arg("max_iter"), py::arg("tol"), py::arg("n_threads"));
    m.def("mixture_log_likelihood", &bind_mixture_log_likelihood, py::arg("X"), py::arg("term_topics"),
          py::arg("totals"), py::arg("alpha"), py::arg("beta"), py::arg("mixtures"), py::arg("n_threads"));
}

}  // namespace coterie
