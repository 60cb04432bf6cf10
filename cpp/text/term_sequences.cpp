#include "text/term_sequences.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "core/check.hpp"
#include "core/parallel.hpp"

namespace coterie::text {
namespace {

constexpr index_t kTaskDocuments = 256;

struct Part {
    std::vector<std::int32_t> columns;
    std::vector<std::int64_t> lengths;
};

// Scratch of one thread.
class SequenceReader {
  public:
    SequenceReader(const AnalyzeOptions& options, const Vocabulary& vocabulary)
        : options_(options), vocabulary_(vocabulary), normalizer_(options.normalize) {}

    void read(const Document& document, index_t row, Part& part) {
        const NormalizedText text = normalizer_.run(document, row);
        find_tokens(text, options_.min_token_chars, spans_);
        const Lexicon& lexicon = vocabulary_.lexicon();
        const std::size_t before = part.columns.size();
        for (const Span span : spans_) {
            const std::uint8_t* const bytes = text.bytes + span.begin;
            const TermId id = lexicon.find(lexicon.token_key(bytes, span.end - span.begin), bytes);
            if (id == kAbsent || id < vocabulary_.n_stop_words()) continue;
            const std::int32_t column = vocabulary_.columns()[id];
            if (column >= 0) part.columns.push_back(column);
        }
        part.lengths.push_back(static_cast<std::int64_t>(part.columns.size() - before));
    }

  private:
    const AnalyzeOptions& options_;
    const Vocabulary& vocabulary_;
    Normalizer normalizer_;
    std::vector<Span> spans_;
};

}  // namespace

TermSequences term_sequences(const DocumentSource& documents, const AnalyzeOptions& options,
                             const Vocabulary& vocabulary, index_t first_row, int n_threads) {
    require(options.analyzer == Analyzer::word && options.max_n == 1, "term_sequences",
            "the analyzer must give single words");
    const index_t n = documents.size();
    std::vector<Part> parts(static_cast<std::size_t>(ceil_div(n, kTaskDocuments)));
    parallel_for_rows(n, kTaskDocuments, n_threads, [&](index_t begin, index_t end, int) {
        Part& part = parts[static_cast<std::size_t>(begin / kTaskDocuments)];
        SequenceReader reader(options, vocabulary);
        for (index_t i = begin; i < end; ++i) reader.read(documents.at(i), first_row + i, part);
    });
    TermSequences out;
    out.offsets.reserve(static_cast<std::size_t>(n) + 1);
    out.offsets.push_back(0);
    for (const Part& part : parts)
        for (const std::int64_t length : part.lengths) out.offsets.push_back(out.offsets.back() + length);
    out.columns.resize(static_cast<std::size_t>(out.offsets.back()));
    auto to = out.columns.begin();
    for (const Part& part : parts) to = std::copy(part.columns.begin(), part.columns.end(), to);
    return out;
}

}  // namespace coterie::text
