#include "text/tokenize.hpp"

#include <algorithm>

#include "text/unicode.hpp"

namespace coterie::text {
namespace {

std::uint32_t utf8_length(std::uint8_t lead) {
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

char32_t code_point(const std::uint8_t* p, std::uint32_t length) {
    if (length == 1) return p[0];
    char32_t code = p[0] & (0x7F >> length);
    for (std::uint32_t b = 1; b < length; ++b) code = code << 6 | (p[b] & 0x3F);
    return code;
}

bool has_chars(const std::uint8_t* begin, const std::uint8_t* end, int wanted) {
    if (end - begin < wanted) return false;
    if (end - begin > 4 * (wanted - 1)) return true;
    return std::count_if(begin, end, [](std::uint8_t b) { return (b & 0xC0) != 0x80; }) >= wanted;
}

}  // namespace

void find_tokens(const NormalizedText& text, int min_chars, std::vector<Span>& tokens) {
    tokens.clear();
    const std::uint32_t min_bytes = static_cast<std::uint32_t>(std::max(min_chars, 1));
    const auto add = [&](std::uint32_t begin, std::uint32_t end) {
        if (end - begin < min_bytes) return;
        if (!text.ascii && !has_chars(text.bytes + begin, text.bytes + end, min_chars)) return;
        tokens.push_back({begin, end});
    };
    // A bit differs from its predecessor where a run begins or ends; the two alternate.
    std::uint64_t previous = 0;
    std::uint32_t begin = 0;
    bool inside = false;
    for (std::uint32_t base = 0; base < text.size; base += 64) {
        const std::uint64_t mask = text.word_mask[base / 64];
        std::uint64_t changes = mask ^ (mask << 1 | previous);
        previous = mask >> 63;
        for (; changes != 0; changes &= changes - 1) {
            const std::uint32_t at = base + static_cast<std::uint32_t>(__builtin_ctzll(changes));
            if (inside) add(begin, at);
            begin = at;
            inside = !inside;
        }
    }
    if (inside) add(begin, text.size);
}

void CharGrams::append(const std::uint8_t* bytes, std::uint32_t length) {
    char_begin_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    bytes_.insert(bytes_.end(), bytes, bytes + length);
}

// re.sub(r"\s\s+", " ", text): two or more white spaces become one space, a single one stays what it is.
void CharGrams::collapse_spaces(const NormalizedText& text) {
    const auto* const space = reinterpret_cast<const std::uint8_t*>(" ");
    bytes_.clear();
    char_begin_.clear();
    const auto space_at = [&](std::uint32_t i) {
        const std::uint32_t length = utf8_length(text.bytes[i]);
        return char_record(code_point(text.bytes + i, length)).flags & kSpace ? length : 0;
    };
    for (std::uint32_t i = 0; i < text.size;) {
        std::uint32_t length = space_at(i);
        if (length == 0) {
            length = utf8_length(text.bytes[i]);
            append(text.bytes + i, length);
            i += length;
            continue;
        }
        std::uint32_t end = i + length;
        for (std::uint32_t more; end < text.size && (more = space_at(end)) != 0;) end += more;
        end == i + length ? append(text.bytes + i, length) : append(space, 1);
        i = end;
    }
}

void CharGrams::add_grams(Span chars, int min_n, int max_n) {
    for (int n = min_n; n <= max_n; ++n)
        for (std::uint32_t i = chars.begin; i + static_cast<std::uint32_t>(n) <= chars.end; ++i)
            grams_.push_back({char_begin_[i], char_begin_[i + static_cast<std::uint32_t>(n)]});
}

// Lays the words out anew with one space before and after each.
void CharGrams::pad_words() {
    source_.swap(bytes_);
    source_begin_.swap(char_begin_);
    source_begin_.push_back(static_cast<std::uint32_t>(source_.size()));
    bytes_.clear();
    char_begin_.clear();
    const auto* const space = reinterpret_cast<const std::uint8_t*>(" ");
    bool inside = false;
    for (std::size_t i = 0; i + 1 < source_begin_.size(); ++i) {
        const std::uint32_t length = source_begin_[i + 1] - source_begin_[i];
        const std::uint8_t* const c = source_.data() + source_begin_[i];
        const bool is_space = char_record(code_point(c, length)).flags & kSpace;
        if (is_space == inside) {  // a word begins or ends here
            if (!inside) words_.push_back({static_cast<std::uint32_t>(char_begin_.size()), 0});
            append(space, 1);
            if (inside) words_.back().end = static_cast<std::uint32_t>(char_begin_.size());
            inside = !inside;
        }
        if (!is_space) append(c, length);
    }
    if (!inside) return;
    append(space, 1);
    words_.back().end = static_cast<std::uint32_t>(char_begin_.size());
}

const std::vector<Span>& CharGrams::run(const NormalizedText& text, const AnalyzeOptions& options) {
    grams_.clear();
    words_.clear();
    collapse_spaces(text);
    const bool within_words = options.analyzer == Analyzer::char_wb;
    if (within_words) {
        pad_words();
    } else {
        words_.push_back({0, static_cast<std::uint32_t>(char_begin_.size())});
    }
    char_begin_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    bytes_.resize(bytes_.size() + 8);
    for (const Span& word : words_) {
        const int size = static_cast<int>(word.end - word.begin);
        if (within_words && size < options.min_n) {  // a word shorter than n is counted once
            grams_.push_back({char_begin_[word.begin], char_begin_[word.end]});
        } else {
            add_grams(word, options.min_n, std::min(options.max_n, size));
        }
    }
    return grams_;
}

}  // namespace coterie::text
