#include "topics/topic_tokens.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/philox.hpp"
#include "kernels/kernels.hpp"
#include "topics/alias_table.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "latent_dirichlet_allocation";
// A task's random words stay in the second cache: 8 bytes a token.
constexpr std::int64_t kTaskTokens = 4096;
constexpr index_t kAhead = 24;  // tokens that are asked for before they are gathered

// Streams of Philox: 0 for the first topics, then two for each iteration.
std::uint64_t stream_of(index_t iteration, bool of_terms) {
    return 2 * static_cast<std::uint64_t>(iteration) + (of_terms ? 1 : 0);
}

// Groups in runs of about kTaskTokens tokens: a fixed partition of the data.
std::vector<index_t> tasks_of(const std::vector<std::int64_t>& start) {
    std::vector<index_t> first = {0};
    const auto n = static_cast<index_t>(start.size()) - 1;
    for (index_t g = 0; g < n; ++g)
        if (start[static_cast<std::size_t>(g + 1)] - start[static_cast<std::size_t>(first.back())] >=
            kTaskTokens)
            first.push_back(g + 1);
    if (first.back() < n) first.push_back(n);
    return first;
}

// Two tokens share a Philox block: the token in place q of a phase has words 2 (q % 2), for its acceptance, and
// 2 (q % 2) + 1, for its proposal, of counter q / 2. random holds the blocks from the task's first place on.
struct Words {
    std::uint32_t acceptance, proposal;
};
Words words(const std::uint32_t* random, index_t place) {
    constexpr std::uint64_t kLanes = kernels::kRandomLanes;
    const auto block = static_cast<std::uint64_t>(place) >> 1, odd = static_cast<std::uint64_t>(place) & 1;
    const std::uint32_t* const at = random + block / kLanes * 4 * kLanes + block % kLanes + odd * 2 * kLanes;
    return {at[0], at[kLanes]};
}

}  // namespace

struct TopicTokens::Scratch {
    std::vector<float> local;           // [n_topics], zero between groups
    std::vector<std::uint32_t> random;  // of the task's tokens
    std::vector<Token> gathered;
    std::vector<std::uint32_t> moving;  // tokens of a group whose proposal is another topic
    std::vector<std::int64_t> change;   // of C_k
    CountHistograms histograms{0};
};

TopicTokens::TopicTokens(const TermCounts& documents, index_t n_topics, const TermTopics* background,
                         double beta, std::uint64_t seed, int n_threads)
    : n_topics_(n_topics),
      n_terms_(documents.n_terms),
      background_(background),
      seed_(seed),
      n_threads_(n_threads) {
    const std::int64_t n = documents.n_tokens();
    require(n_topics >= 1 && n_topics <= kMostTopics, kOp, "n_topics=", n_topics, " must be between 1 and ",
            kMostTopics);
    require(n <= std::numeric_limits<std::uint32_t>::max(), kOp, "X has ", n,
            " tokens; at most 2**32 - 1 fit: give them in batches");
    document_start_.resize(documents.length.size() + 1, 0);
    std::partial_sum(documents.length.begin(), documents.length.end(), document_start_.begin() + 1);
    sort_by_term(documents);
    document_tasks_ = tasks_of(document_start_);
    term_tasks_ = tasks_of(term_start_);
    if (background_ != nullptr) {
        background_upto_.resize(background_->count.size());
        for (index_t w = 0; w < n_terms_; ++w) {
            std::int64_t sum = 0;
            for (std::int64_t p = background_->indptr[static_cast<std::size_t>(w)];
                 p < background_->indptr[static_cast<std::size_t>(w + 1)]; ++p)
                background_upto_[static_cast<std::size_t>(p)] = sum +=
                    background_->count[static_cast<std::size_t>(p)];
        }
    }
    draw_first_topics(beta, seed);
}

void TopicTokens::sort_by_term(const TermCounts& documents) {
    tokens_.resize(static_cast<std::size_t>(document_start_.back()));
    by_term_.resize(tokens_.size());
    const std::vector<std::int64_t> totals = documents.term_totals();
    term_start_.resize(totals.size() + 1, 0);
    std::partial_sum(totals.begin(), totals.end(), term_start_.begin() + 1);
    std::vector<std::int64_t> next(term_start_.begin(), term_start_.end() - 1);
    std::uint32_t position = 0;  // documents in order, so positions increase within a term
    for (std::size_t p = 0; p < documents.terms.size(); ++p)
        for (std::int32_t c = 0; c < documents.counts[p]; ++c)
            by_term_[static_cast<std::size_t>(next[static_cast<std::size_t>(documents.terms[p])]++)] =
                position++;
}

std::uint16_t TopicTokens::background_topic(index_t term, double position) const {
    const auto begin = background_upto_.begin() + background_->indptr[static_cast<std::size_t>(term)];
    const auto end = background_upto_.begin() + background_->indptr[static_cast<std::size_t>(term + 1)];
    const auto at = std::upper_bound(begin, end - 1, static_cast<std::int64_t>(position));
    return static_cast<std::uint16_t>(
        background_->topic[static_cast<std::size_t>(at - background_upto_.begin())]);
}

void TopicTokens::draw_first_topics(double beta, std::uint64_t seed) {
    const Philox random(seed, 0);
    const auto n_topics = static_cast<double>(n_topics_);
    parallel_for_rows(n_terms_, 256, n_threads_, [&](index_t begin, index_t end, int) {
        for (index_t w = begin; w < end; ++w) {
            const auto at = static_cast<std::size_t>(w);
            const std::int64_t last = background_ == nullptr ? 0 : background_->indptr[at + 1];
            const bool known = background_ != nullptr && background_->indptr[at] < last;
            const double mass =
                known ? static_cast<double>(background_upto_[static_cast<std::size_t>(last - 1)]) : 0;
            for (std::int64_t q = term_start_[at]; q < term_start_[at + 1]; ++q) {
                const double u = static_cast<double>(random.at(static_cast<std::uint64_t>(q)) >> 11) *
                                 0x1p-53 * (mass + n_topics * beta);
                const auto topic =
                    u < mass ? background_topic(w, u)
                             : static_cast<std::uint16_t>(std::min((u - mass) / beta, n_topics - 1));
                tokens_[by_term_[static_cast<std::size_t>(q)]] = {topic, topic};
            }
        }
    });
    total_.assign(static_cast<std::size_t>(n_topics_), 0);
    for (const Token& token : tokens_) ++total_[token.topic];
    if (background_ != nullptr)
        for (std::size_t p = 0; p < background_->topic.size(); ++p)
            total_[static_cast<std::size_t>(background_->topic[p])] += background_->count[p];
    total_plus_.resize(total_.size());
}

void TopicTokens::set_totals(double beta) {
    for (std::size_t k = 0; k < total_.size(); ++k)
        total_plus_[k] =
            static_cast<float>(static_cast<double>(total_[k]) + static_cast<double>(n_terms_) * beta);
}

// The words of the places [begin, begin + n) of a phase; returns what the first place is past an even one.
index_t TopicTokens::draw_words(std::uint64_t stream, std::int64_t begin, index_t n,
                                std::vector<std::uint32_t>& random) const {
    const index_t odd = begin & 1;
    const index_t groups = ceil_div(ceil_div(n + odd, 2), kernels::kRandomLanes);
    random.resize(static_cast<std::size_t>(4 * kernels::kRandomLanes * groups));
    kernels::active().random_words(seed_, stream, static_cast<std::uint32_t>(begin >> 1), groups,
                                   random.data());
    return odd;
}

// Adds the group's counts to scratch.local, which has the prior, and makes one step for each token.
void TopicTokens::sweep(const Group& group, Scratch& scratch) const {
    float* const local = scratch.local.data();
    const float* const total = total_plus_.data();
    std::int64_t* const change = scratch.change.data();
    if (scratch.moving.size() < static_cast<std::size_t>(group.n))
        scratch.moving.resize(static_cast<std::size_t>(group.n));
    std::uint32_t* const moving = scratch.moving.data();
    index_t n_moving = 0;
    for (index_t i = 0; i < group.n; ++i) {
        const Token token = group.tokens[i];
        local[token.topic] += 1;
        moving[n_moving] = static_cast<std::uint32_t>(i);
        n_moving += token.topic != token.proposal;  // about half are: no branch predicts which
    }
    for (index_t p = 0; p < n_moving; ++p) {
        Token& token = group.tokens[moving[p]];
        const std::uint32_t s = token.topic, t = token.proposal;
        const float uniform =
            static_cast<float>(words(group.random, group.place + moving[p]).acceptance >> 8) * 0x1p-24f;
        // Each step waits for the local counts of the one before, and for nothing else.
        const float stay = (local[s] - 1) * (uniform * total[t]), go = local[t] * (total[s] - 1);
        const bool accepted = stay < go;
        const float moved = stay < go ? 1.0f : 0.0f;  // a mask, not a conversion
        token.topic = static_cast<std::uint16_t>(accepted ? t : s);
        local[s] -= moved;
        local[t] += moved;
        change[s] -= accepted;
        change[t] += accepted;
    }
}

// Proposals for the other phase: the topic of another token of the group, or, with prior_mass beside others, a draw
// from_prior(u), u in [0, prior_mass).
template <typename FromPrior>
void TopicTokens::propose(const Group& group, double others, double prior_mass, FromPrior from_prior) const {
    const double mass = (others + prior_mass) * 0x1p-32;
    Token* const tokens = group.tokens;
    for (index_t i = 0; i < group.n; ++i) {
        const double u = static_cast<double>(words(group.random, group.place + i).proposal) * mass;
        if (u < others) {
            const auto j = static_cast<index_t>(u);
            tokens[i].proposal = tokens[j + (j >= i)].topic;
        } else {
            tokens[i].proposal = from_prior(u - others);
        }
    }
}

std::vector<TopicTokens::Scratch> TopicTokens::phase_scratch(const std::vector<float>& prior,
                                                             const CountHistograms* histograms) const {
    std::vector<Scratch> scratch(static_cast<std::size_t>(resolve_thread_count(n_threads_)));
    for (Scratch& s : scratch) {
        s.local = prior;
        s.change.assign(static_cast<std::size_t>(n_topics_), 0);
        if (histograms != nullptr) s.histograms = CountHistograms(histograms->n_topics());
    }
    return scratch;
}

void TopicTokens::finish(std::vector<Scratch>& scratch, CountHistograms* histograms) {
    for (const Scratch& s : scratch) {
        for (std::size_t k = 0; k < total_.size(); ++k) total_[k] += s.change[k];
        if (histograms != nullptr) histograms->add(s.histograms);
    }
}

void TopicTokens::document_phase(index_t iteration, const TopicPriors& priors, CountHistograms* documents) {
    set_totals(priors.beta);
    const AliasTable alias(priors.alpha);
    const std::vector<float> alpha(priors.alpha.begin(), priors.alpha.end());
    const double mass = std::accumulate(priors.alpha.begin(), priors.alpha.end(), 0.0);
    std::vector<Scratch> scratch = phase_scratch(alpha, documents);
    parallel_for(static_cast<index_t>(document_tasks_.size()) - 1, n_threads_, [&](index_t task, int slot) {
        Scratch& mine = scratch[static_cast<std::size_t>(slot)];
        const index_t first = document_tasks_[static_cast<std::size_t>(task)];
        const index_t last = document_tasks_[static_cast<std::size_t>(task + 1)];
        const std::int64_t begin = document_start_[static_cast<std::size_t>(first)];
        const index_t n = document_start_[static_cast<std::size_t>(last)] - begin;
        const index_t odd = draw_words(stream_of(iteration, false), begin, n, mine.random);
        for (index_t d = first; d < last; ++d) {
            const std::int64_t start = document_start_[static_cast<std::size_t>(d)];
            const Group group{tokens_.data() + start,
                              document_start_[static_cast<std::size_t>(d + 1)] - start, mine.random.data(),
                              start - begin + odd};
            if (group.n == 0) continue;
            sweep(group, mine);
            for (index_t i = 0; i < group.n; ++i) {
                const std::uint16_t k = group.tokens[i].topic;
                if (documents != nullptr) {
                    const auto count = std::lrint(mine.local[k] - alpha[k]);  // 0 once it was seen
                    if (count > 0) mine.histograms.add(k, count);
                }
                mine.local[k] = alpha[k];
            }
            propose(group, static_cast<double>(group.n - 1), mass,
                    [&](double u) { return alias.draw(u / mass); });
        }
    });
    finish(scratch, documents);
}

void TopicTokens::visit_term(index_t term, const Group& group, const TopicPriors& priors, float beta,
                             CountHistograms* histograms, Scratch& scratch) const {
    const auto at = static_cast<std::size_t>(term);
    const std::int64_t begin = background_ == nullptr ? 0 : background_->indptr[at];
    const std::int64_t end = background_ == nullptr ? 0 : background_->indptr[at + 1];
    const double elsewhere =
        begin == end ? 0 : static_cast<double>(background_upto_[static_cast<std::size_t>(end - 1)]);
    for (std::int64_t p = begin; p < end; ++p)
        scratch.local[static_cast<std::size_t>(background_->topic[static_cast<std::size_t>(p)])] +=
            static_cast<float>(background_->count[static_cast<std::size_t>(p)]);
    sweep(group, scratch);
    for (index_t i = 0; i < group.n; ++i) {
        float& local = scratch.local[group.tokens[i].topic];
        if (histograms != nullptr) {
            const auto count = std::lrint(local - beta);
            if (count > 0) scratch.histograms.add(0, count);
        }
        local = beta;
    }
    for (std::int64_t p = begin; p < end; ++p)
        scratch.local[static_cast<std::size_t>(background_->topic[static_cast<std::size_t>(p)])] = beta;
    propose(group, static_cast<double>(group.n - 1), elsewhere + static_cast<double>(n_topics_) * priors.beta,
            [&](double u) {
                if (u < elsewhere) return background_topic(term, u);
                const double k = (u - elsewhere) / priors.beta;
                return static_cast<std::uint16_t>(std::min(k, static_cast<double>(n_topics_ - 1)));
            });
}

void TopicTokens::term_phase(index_t iteration, const TopicPriors& priors, CountHistograms* terms) {
    set_totals(priors.beta);
    const auto beta = static_cast<float>(priors.beta);
    std::vector<Scratch> scratch =
        phase_scratch(std::vector<float>(static_cast<std::size_t>(n_topics_), beta), terms);
    parallel_for(static_cast<index_t>(term_tasks_.size()) - 1, n_threads_, [&](index_t task, int slot) {
        Scratch& mine = scratch[static_cast<std::size_t>(slot)];
        const index_t first = term_tasks_[static_cast<std::size_t>(task)];
        const index_t last = term_tasks_[static_cast<std::size_t>(task + 1)];
        const std::int64_t begin = term_start_[static_cast<std::size_t>(first)];
        const index_t n = term_start_[static_cast<std::size_t>(last)] - begin;
        const index_t odd = draw_words(stream_of(iteration, true), begin, n, mine.random);
        mine.gathered.resize(static_cast<std::size_t>(n));
        const std::uint32_t* const where = by_term_.data() + begin;
        for (index_t q = 0; q < n; ++q) {
            if (q + kAhead < n) __builtin_prefetch(tokens_.data() + where[q + kAhead]);
            mine.gathered[static_cast<std::size_t>(q)] = tokens_[where[q]];
        }
        for (index_t w = first; w < last; ++w) {
            const std::int64_t start = term_start_[static_cast<std::size_t>(w)];
            const Group group{mine.gathered.data() + (start - begin),
                              term_start_[static_cast<std::size_t>(w + 1)] - start, mine.random.data(),
                              start - begin + odd};
            if (group.n > 0) visit_term(w, group, priors, beta, terms, mine);
        }
        for (index_t q = 0; q < n; ++q) tokens_[where[q]] = mine.gathered[static_cast<std::size_t>(q)];
    });
    finish(scratch, terms);
}

void TopicTokens::count_documents(CountHistograms& documents) const {
    std::vector<std::int64_t> local(static_cast<std::size_t>(n_topics_), 0);
    for (std::size_t d = 0; d + 1 < document_start_.size(); ++d) {
        const Token* const begin = tokens_.data() + document_start_[d];
        const Token* const end = tokens_.data() + document_start_[d + 1];
        for (const Token* t = begin; t < end; ++t) ++local[t->topic];
        for (const Token* t = begin; t < end; ++t) {
            if (local[t->topic] > 0) documents.add(t->topic, local[t->topic]);
            local[t->topic] = 0;
        }
    }
}

void TopicTokens::count_terms(CountHistograms& terms) const {
    std::vector<std::int64_t> local(static_cast<std::size_t>(n_topics_), 0);
    for (std::size_t w = 0; w + 1 < term_start_.size(); ++w) {
        const std::uint32_t* const begin = by_term_.data() + term_start_[w];
        const std::uint32_t* const end = by_term_.data() + term_start_[w + 1];
        for (const std::uint32_t* q = begin; q < end; ++q) ++local[tokens_[*q].topic];
        for (const std::uint32_t* q = begin; q < end; ++q) {
            std::int64_t& count = local[tokens_[*q].topic];
            if (count > 0) terms.add(0, count);
            count = 0;
        }
    }
}

std::vector<std::int64_t> TopicTokens::own_totals() const {
    std::vector<std::int64_t> totals(static_cast<std::size_t>(n_topics_), 0);
    for (const Token& token : tokens_) ++totals[token.topic];
    return totals;
}

void TopicTokens::keep_sample() {
    LargeVector<std::uint16_t>& sample = samples_.emplace_back(tokens_.size());
    for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = tokens_[i].topic;
}

TermTopics TopicTokens::term_topics() const {
    TermTopics out;
    out.indptr.push_back(0);
    std::vector<std::int32_t> local(static_cast<std::size_t>(n_topics_), 0);
    std::vector<std::int32_t> used;
    for (index_t w = 0; w < n_terms_; ++w) {
        used.clear();
        for (std::int64_t q = term_start_[static_cast<std::size_t>(w)];
             q < term_start_[static_cast<std::size_t>(w + 1)]; ++q) {
            for (const auto& sample : samples_) {
                const std::uint16_t topic = sample[by_term_[static_cast<std::size_t>(q)]];
                if (local[topic]++ == 0) used.push_back(topic);
            }
        }
        std::sort(used.begin(), used.end());
        for (const std::int32_t k : used) {
            out.topic.push_back(k);
            out.count.push_back(local[static_cast<std::size_t>(k)]);
            local[static_cast<std::size_t>(k)] = 0;
        }
        out.indptr.push_back(static_cast<std::int64_t>(out.topic.size()));
    }
    return out;
}

}  // namespace coterie
