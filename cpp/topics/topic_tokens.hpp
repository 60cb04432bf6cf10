// The tokens of a corpus with their topics, visited document by document and term by term: one iteration of
// Metropolis-Hastings sampling for latent Dirichlet allocation in the manner of WarpLDA (Chen, Li, Zhu and Chen, VLDB
// 2016).
#pragma once

#include <cstdint>
#include <vector>

#include "core/large_vector.hpp"
#include "core/types.hpp"
#include "topics/term_counts.hpp"
#include "topics/topic_priors.hpp"

namespace coterie {

// Counts of topics per term: term w has topic[p] count[p] times, p in [indptr[w], indptr[w + 1]), increasing in topic.
struct TermTopics {
    std::vector<std::int64_t> indptr;
    std::vector<std::int32_t> topic;
    std::vector<std::int32_t> count;
};

// Token i of document d and term w has topic z_i. With C_dk, C_wk, C_k the tokens of topic k in d, in w and in all, and
// token i itself not counted, the target of every chain is
//
//   p(k) ~ (C_dk + alpha_k) (C_wk + beta) / (C_k + V beta)
//
// In the document phase the proposal was drawn from C_wk + beta, which cancels, so that only C_dk and C_k are read;
// the term phase is its mirror image. A proposal is the topic of another token of the same document (or term), or a draw
// from the prior: O(1), whatever the number of topics. C_dk changes with each token of the document phase, C_wk with
// each of the term phase; C_k and what proposals were drawn from are those at the start of the phase, so that documents
// (terms) are independent of each other and threads change no bit.
class TopicTokens {
  public:
    static constexpr index_t kMostTopics = 65535;

    // background: counts from elsewhere that count in C_wk and C_k beside the documents' own, or null. Topics start as
    // draws from background + beta.
    TopicTokens(const TermCounts& documents, index_t n_topics, const TermTopics* background, double beta,
                std::uint64_t seed, int n_threads);

    // One iteration. Fills what the priors are learned from where it is not null.
    void document_phase(index_t iteration, const TopicPriors& priors, CountHistograms* documents);
    void term_phase(index_t iteration, const TopicPriors& priors, CountHistograms* terms);

    const std::vector<std::int64_t>& topic_totals() const { return total_; }
    // Add the histograms of the topics as they are now, background left out.
    void count_documents(CountHistograms& documents) const;
    void count_terms(CountHistograms& terms) const;
    std::vector<std::int64_t> own_totals() const;
    // Remembers the topics as they are now: 2 bytes a token.
    void keep_sample();
    // The documents' own C_wk, summed over the samples that were kept.
    TermTopics term_topics() const;

  private:
    struct Token {
        std::uint16_t topic;
        std::uint16_t proposal;
    };
    struct Scratch;
    struct Group {  // the tokens of one document or of one term
        Token* tokens;
        index_t n;
        const std::uint32_t* random;  // of the task
        index_t place;  // of the first token, in the order of the phase, from an even one before the task
    };

    void sort_by_term(const TermCounts& documents);
    void draw_first_topics(double beta, std::uint64_t seed);
    index_t draw_words(std::uint64_t stream, std::int64_t begin, index_t n,
                       std::vector<std::uint32_t>& random) const;
    void sweep(const Group& group, Scratch& scratch) const;
    template <typename FromPrior>
    void propose(const Group& group, double others, double prior_mass, FromPrior from_prior) const;
    void visit_term(index_t term, const Group& group, const TopicPriors& priors, float beta,
                    CountHistograms* histograms, Scratch& scratch) const;
    std::uint16_t background_topic(index_t term, double position) const;
    std::vector<Scratch> phase_scratch(const std::vector<float>& prior,
                                       const CountHistograms* histograms) const;
    void finish(std::vector<Scratch>& scratch, CountHistograms* histograms);
    void set_totals(double beta);

    index_t n_topics_, n_terms_;
    const TermTopics* background_;
    std::vector<std::int64_t> background_upto_;  // cumulative counts within each term of background
    std::uint64_t seed_;
    int n_threads_;
    std::vector<std::int64_t> document_start_;  // tokens of document d: [start[d], start[d + 1])
    std::vector<std::int64_t> term_start_;      // places of term w in by_term_
    LargeVector<Token> tokens_;                 // document by document
    std::vector<LargeVector<std::uint16_t>> samples_;
    LargeVector<std::uint32_t> by_term_;                // positions in tokens_, term by term
    std::vector<index_t> document_tasks_, term_tasks_;  // first group of each task, and the end
    std::vector<std::int64_t> total_;                   // C_k, background included
    std::vector<float> total_plus_;                     // C_k + V beta
};

}  // namespace coterie
