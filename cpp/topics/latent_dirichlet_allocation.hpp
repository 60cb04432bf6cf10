// Latent Dirichlet allocation (Blei, Ng and Jordan, JMLR 2003) by the sampler of topic_tokens.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"
#include "topics/topic_priors.hpp"
#include "topics/topic_tokens.hpp"

namespace coterie {

struct TopicRun {
    TermTopics term_topics;  // of the documents alone, summed over the samples
    index_t n_samples;
    TopicPriors priors;     // as given, or learned
    double log_likelihood;  // ln p(w, z) of the last topics, background not counted
    std::int64_t n_tokens;
};

// n_iter iterations from priors; background as in TopicTokens. With learns, alpha (and beta where there is no
// background) is learned every tenth iteration, from the tenth. The counts are those of up to n_samples iterations, the
// last and earlier ones n_iter / 40 apart (at least 1): their sum estimates the topics better than the last alone.
//
// Throws std::invalid_argument for entries of x that are no counts, priors that are not positive, and a background that
// does not fit.
TopicRun latent_dirichlet_allocation(const CsrView& x, TopicPriors priors, index_t n_iter, bool learns,
                                     index_t n_samples, const TermTopics* background, std::uint64_t seed,
                                     int n_threads);

}  // namespace coterie
