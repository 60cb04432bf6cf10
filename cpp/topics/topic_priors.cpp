#include "topics/topic_priors.hpp"

#include <algorithm>
#include <cstddef>
#include <map>

#include "core/elementary.hpp"

namespace coterie {
namespace {

constexpr int kSteps = 5;
constexpr double kLeast = 1e-5, kMost = 1e3;

// sum_n histogram[n] * (f(n + prior) - f(prior))
template <typename F>
double rise(const std::vector<std::int64_t>& histogram, double prior, F f) {
    const double from = f(prior);
    double sum = 0;
    for (std::size_t n = 1; n < histogram.size(); ++n)
        if (histogram[n] != 0)
            sum += static_cast<double>(histogram[n]) * (f(static_cast<double>(n) + prior) - from);
    return sum;
}

template <typename F>
double rise(const std::map<std::int64_t, std::int64_t>& histogram, double prior, F f) {
    const double from = f(prior);
    double sum = 0;
    for (const auto& [n, times] : histogram)
        sum += static_cast<double>(times) * (f(static_cast<double>(n) + prior) - from);
    return sum;
}

std::map<std::int64_t, std::int64_t> histogram_of(const std::vector<std::int64_t>& values) {
    std::map<std::int64_t, std::int64_t> histogram;
    for (const std::int64_t v : values)
        if (v > 0) ++histogram[v];
    return histogram;
}

double sum_of(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum;
}

}  // namespace

void CountHistograms::add(const CountHistograms& other) {
    for (std::size_t k = 0; k < of_topic_.size(); ++k) {
        auto& mine = of_topic_[k];
        const auto& theirs = other.of_topic_[k];
        if (theirs.size() > mine.size()) mine.resize(theirs.size(), 0);
        for (std::size_t n = 0; n < theirs.size(); ++n) mine[n] += theirs[n];
    }
}

void learn_alpha(TopicPriors& priors, const CountHistograms& documents,
                 const std::vector<std::int64_t>& length) {
    const auto lengths = histogram_of(length);
    if (lengths.empty()) return;
    for (int step = 0; step < kSteps; ++step) {
        const double below = rise(lengths, sum_of(priors.alpha), canonical_digamma);
        for (index_t k = 0; k < documents.n_topics(); ++k) {
            double& alpha = priors.alpha[static_cast<std::size_t>(k)];
            const double above = rise(documents.of(k), alpha, canonical_digamma);
            alpha = std::clamp(alpha * above / below, kLeast, kMost);
        }
    }
}

void learn_beta(TopicPriors& priors, const CountHistograms& terms, const std::vector<std::int64_t>& total,
                index_t n_terms) {
    const auto totals = histogram_of(total);
    if (totals.empty()) return;
    const auto n = static_cast<double>(n_terms);
    for (int step = 0; step < kSteps; ++step) {
        const double above = rise(terms.of(0), priors.beta, canonical_digamma);
        const double below = n * rise(totals, n * priors.beta, canonical_digamma);
        priors.beta = std::clamp(priors.beta * above / below, kLeast, kMost);
    }
}

double topic_log_likelihood(const TopicPriors& priors, const CountHistograms& documents,
                            const std::vector<std::int64_t>& length, const CountHistograms& terms,
                            const std::vector<std::int64_t>& total, index_t n_terms) {
    double sum = -rise(histogram_of(length), sum_of(priors.alpha), canonical_log_gamma) -
                 rise(histogram_of(total), static_cast<double>(n_terms) * priors.beta, canonical_log_gamma);
    for (index_t k = 0; k < documents.n_topics(); ++k)
        sum += rise(documents.of(k), priors.alpha[static_cast<std::size_t>(k)], canonical_log_gamma);
    return sum + rise(terms.of(0), priors.beta, canonical_log_gamma);
}

}  // namespace coterie
