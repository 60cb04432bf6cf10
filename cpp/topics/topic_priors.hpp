// The Dirichlet priors of latent Dirichlet allocation, and how they are learned from counts.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

// of(k)[n]: how many documents have n > 0 tokens of topic k; for terms, of(0)[n] counts the pairs of a term and any topic.
// Integers: sums of them are exact in any order.
class CountHistograms {
  public:
    explicit CountHistograms(index_t n_topics) : of_topic_(static_cast<std::size_t>(n_topics)) {}

    void add(index_t topic, std::int64_t count) {
        auto& histogram = of_topic_[static_cast<std::size_t>(topic)];
        if (static_cast<std::size_t>(count) >= histogram.size())
            histogram.resize(static_cast<std::size_t>(count) + 1, 0);
        ++histogram[static_cast<std::size_t>(count)];
    }
    void add(const CountHistograms& other);
    const std::vector<std::int64_t>& of(index_t topic) const {
        return of_topic_[static_cast<std::size_t>(topic)];
    }
    index_t n_topics() const { return static_cast<index_t>(of_topic_.size()); }

  private:
    std::vector<std::vector<std::int64_t>> of_topic_;
};

struct TopicPriors {
    std::vector<double> alpha;  // of the topics in a document
    double beta;                // of the terms in a topic, each the same
};

// Minka's fixed point for the Dirichlet multinomial ("Estimating a Dirichlet distribution", 2000; equation 55), a few
// steps from the values there are:
//
//   alpha_k <- alpha_k sum_d [psi(C_dk + alpha_k) - psi(alpha_k)] / sum_d [psi(N_d + A) - psi(A)],  A = sum_k alpha_k
//   beta <- beta sum_wk [psi(C_wk + beta) - psi(beta)] / (V sum_k [psi(C_k + V beta) - psi(V beta)])
//
// Values stay within [1e-5, 1e3].
void learn_alpha(TopicPriors& priors, const CountHistograms& documents,
                 const std::vector<std::int64_t>& length);
void learn_beta(TopicPriors& priors, const CountHistograms& terms, const std::vector<std::int64_t>& total,
                index_t n_terms);

// ln p(w, z | alpha, beta) from the histograms of the same topics: the Dirichlet multinomials of the documents and of
// the topics.
double topic_log_likelihood(const TopicPriors& priors, const CountHistograms& documents,
                            const std::vector<std::int64_t>& length, const CountHistograms& terms,
                            const std::vector<std::int64_t>& total, index_t n_terms);

}  // namespace coterie
