// The Dirichlet multinomial mixture of short texts (Yin and Wang, "A Dirichlet multinomial mixture model-based approach
// for short text clustering", KDD 2014) by collapsed Gibbs sampling.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"
#include "topics/topic_tokens.hpp"

namespace coterie {

struct MixtureParameters {
    index_t n_clusters;  // the most there can be
    double alpha;        // of the Dirichlet prior over clusters, > 0
    double beta;         // of the Dirichlet prior over terms, > 0
};

struct MixtureRun {
    std::vector<std::int32_t> labels;    // -1 for a document without terms
    std::vector<std::int64_t> n_moved;   // documents that changed their cluster, for each pass
    std::vector<std::int64_t> n_active;  // clusters that hold documents after each pass
    double log_likelihood;               // ln p(X, z) of the labels, see MixtureCounts
};

// n_passes sampling passes from labels drawn uniformly by Philox(seed, 0), then, with takes_mode, one that takes the most
// probable cluster, ties to the lowest. Documents are taken in order, in blocks of block_size: those of a block are drawn against the counts before
// the block, each without itself, by Philox(seed, pass).at(document); then the block's counts move together. Block size
// 1 is the sampler of the paper. Counts are integers: the bits do not depend on n_threads.
//
// Throws std::invalid_argument for entries of x that are no counts.
MixtureRun dirichlet_mixture(const CsrView& x, const MixtureParameters& parameters, index_t n_passes,
                             index_t block_size, bool takes_mode, std::uint64_t seed, int n_threads);

// Counts of a fitted mixture: size[k] documents in cluster k, and the tokens of each term, its topics being clusters.
struct MixtureState {
    const TermTopics* tokens;
    const std::int64_t* size;
};

// For each document, none of which is counted in the state:
//   labels[i]         the most probable cluster, ties to the lowest; a document without terms has the prior alone
//   log_evidence[i]   ln sum_k p(k) p(d | k), p(k) = (m_k + alpha) / (D + K alpha), d as a sequence of tokens
//   probabilities     [n_documents][K] p(k | d), or null
void mixture_posterior(const CsrView& x, const MixtureState& state, const MixtureParameters& parameters,
                       std::int32_t* labels, double* log_evidence, double* probabilities, int n_threads);

}  // namespace coterie
