#include "text/term_list.hpp"

#include "core/check.hpp"
#include "core/interrupt.hpp"

namespace coterie::text {

Vocabulary::Vocabulary(const TermList& terms, bool joined, const TermList& stop_words) : size_(terms.size()) {
    for (index_t i = 0; i < stop_words.size(); ++i) lexicon_.intern_token(stop_words[i]);
    n_stop_words_ = lexicon_.size();
    for (index_t i = 0; i < terms.size(); ++i) {
        if (i % 4096 == 0) check_interrupt();
        const TermId id = joined ? lexicon_.intern_joined(terms[i]) : lexicon_.intern_token(terms[i]);
        columns_.resize(lexicon_.size(), -1);
        require(columns_[id] == -1, "vocabulary", "duplicate term: '", terms[i], "'");
        columns_[id] = static_cast<std::int32_t>(i);
    }
    columns_.resize(lexicon_.size(), -1);
}

}  // namespace coterie::text
