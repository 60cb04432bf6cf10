#include "topics/latent_dirichlet_allocation.hpp"

#include <algorithm>
#include <cstddef>

#include "core/check.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "latent_dirichlet_allocation";
constexpr index_t kLearnEvery = 10;
constexpr index_t kSampleSpan = 40;

void check_background(const TermTopics& background, index_t n_terms, index_t n_topics) {
    require(static_cast<index_t>(background.indptr.size()) == n_terms + 1, kOp, "background has ",
            static_cast<index_t>(background.indptr.size()) - 1, " terms; X has ", n_terms);
    for (std::size_t p = 0; p < background.topic.size(); ++p)
        require(background.topic[p] >= 0 && background.topic[p] < n_topics && background.count[p] >= 1, kOp,
                "background[", p, "] has count ", background.count[p], " of topic ", background.topic[p]);
}

void iterate(TopicTokens& tokens, const TermCounts& documents, index_t iteration, bool learns,
             bool learns_beta, TopicPriors& priors) {
    if (!learns) {
        tokens.document_phase(iteration, priors, nullptr);
        tokens.term_phase(iteration, priors, nullptr);
        return;
    }
    CountHistograms of_documents(static_cast<index_t>(priors.alpha.size())), of_terms(1);
    tokens.document_phase(iteration, priors, &of_documents);
    tokens.term_phase(iteration, priors, &of_terms);
    learn_alpha(priors, of_documents, documents.length);
    if (learns_beta) learn_beta(priors, of_terms, tokens.topic_totals(), documents.n_terms);
}

}  // namespace

TopicRun latent_dirichlet_allocation(const CsrView& x, TopicPriors priors, index_t n_iter, bool learns,
                                     index_t n_samples, const TermTopics* background, std::uint64_t seed,
                                     int n_threads) {
    const auto n_topics = static_cast<index_t>(priors.alpha.size());
    require(n_iter >= 1, kOp, "n_iter=", n_iter, " must be >= 1");
    require(n_samples >= 1, kOp, "n_samples=", n_samples, " must be >= 1");
    for (const double alpha : priors.alpha)
        require(alpha > 0 && alpha < 1e9, kOp, "alpha=", alpha, " must be > 0 and < 1e9");
    require(priors.beta > 0 && priors.beta < 1e9, kOp, "beta=", priors.beta, " must be > 0 and < 1e9");
    if (background != nullptr) check_background(*background, x.cols, n_topics);
    const TermCounts documents = term_counts(x, kOp, n_threads);
    TopicTokens tokens(documents, n_topics, background, priors.beta, seed, n_threads);
    const index_t apart = std::max<index_t>(n_iter / kSampleSpan, 1);
    index_t n_kept = 0;
    for (index_t iteration = 1; iteration <= n_iter; ++iteration) {
        iterate(tokens, documents, iteration, learns && iteration % kLearnEvery == 0, background == nullptr,
                priors);
        const index_t left = n_iter - iteration;
        if (left % apart != 0 || left / apart >= n_samples) continue;
        tokens.keep_sample();
        ++n_kept;
    }
    TopicRun run{tokens.term_topics(), n_kept, priors, 0, documents.n_tokens()};
    CountHistograms of_documents(n_topics), of_terms(1);
    tokens.count_documents(of_documents);
    tokens.count_terms(of_terms);
    run.log_likelihood =
        topic_log_likelihood(priors, of_documents, documents.length, of_terms, tokens.own_totals(), x.cols);
    return run;
}

}  // namespace coterie
