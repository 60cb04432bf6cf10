// The topics of new documents under topics that are given ("folding in").
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "topics/topic_priors.hpp"
#include "topics/topic_tokens.hpp"

namespace coterie {

struct TopicModel {
    const TermTopics* term_topics;           // C_wk
    const std::vector<std::int64_t>* total;  // C_k over all terms
    const TopicPriors* priors;
};

struct FoldIn {
    index_t max_iter;
    double tol;  // stop when the mean change of the expected tokens of a topic is below
};

// mixtures[d][k], float32 rows that sum to 1: the fixed point of
//
//   theta_k ~ alpha_k + sum_w n_dw theta_k phi_wk / sum_j theta_j phi_wj,  phi_wk = (C_wk + beta) / (C_k + V beta)
//
// from theta ~ alpha: expected counts with phi fixed (CVB0 with the document's own tokens left in). Each document alone
// decides its bits. A document without terms has theta ~ alpha.
void topic_mixtures(const CsrView& x, const TopicModel& model, const FoldIn& fold_in, float* mixtures,
                    int n_threads);

// out[d] = sum_w n_dw ln sum_k mixtures[d][k] phi_wk
void mixture_log_likelihood(const CsrView& x, const TopicModel& model, const float* mixtures, double* out,
                            int n_threads);

}  // namespace coterie
