#include "text/normalize.hpp"

#include <algorithm>
#include <limits>

#include "core/check.hpp"
#include "text/unicode.hpp"

namespace coterie::text {
namespace {

// A code point becomes at most 18 by NFKD (U+FDFA), at most 3 by lower case, and each of them at most 4
// bytes.
constexpr std::size_t kMaxExpansion = 3 * 18 * 4;
// Readable bytes behind the text: the kernels work on blocks of 64, the lexicon reads 8 bytes at a token's
// start.
constexpr std::size_t kPadding = 64 + 8;
// The mask is cleared this many words at a time, so that a short document after a long one costs little.
constexpr std::size_t kMaskStep = 16;
static_assert(kMaskStep * 64 >= kMaxExpansion);
constexpr index_t kMaxBytes = std::numeric_limits<std::uint32_t>::max() - 1024;

// str.lower: a sigma is final when a cased character stands before it and none after it, case-ignorable ones
// skipped.
template <typename Char>
bool is_final_sigma(const Char* text, index_t n, index_t i) {
    const auto flags = [&](index_t j) { return char_record(text[j]).flags; };
    index_t j = i - 1;
    while (j >= 0 && (flags(j) & kCaseIgnorable)) --j;
    if (j < 0 || !(flags(j) & kCased)) return false;
    for (j = i + 1; j < n && (flags(j) & kCaseIgnorable);) ++j;
    return j == n || !(flags(j) & kCased);
}

}  // namespace

bool decode_utf8(const std::uint8_t* text, index_t n, std::vector<char32_t>& out) {
    out.clear();
    for (index_t i = 0; i < n;) {
        const std::uint8_t lead = text[i];
        if (lead < 0x80) {
            out.push_back(lead);
            ++i;
            continue;
        }
        const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (lead < 0xC2 || lead > 0xF4 || n - i < length) return false;
        char32_t code = lead & (0x7F >> length);
        for (int b = 1; b < length; ++b) {
            if ((text[i + b] & 0xC0) != 0x80) return false;
            code = code << 6 | (text[i + b] & 0x3F);
        }
        const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
        if (overlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
        out.push_back(code);
        i += length;
    }
    return true;
}

void Normalizer::reserve(std::size_t n_bytes) {
    if (bytes_.size() >= n_bytes + kPadding) return;
    const std::size_t size = std::max(n_bytes + kPadding, bytes_.size() + bytes_.size() / 2);
    bytes_.resize(size);
    mask_.resize(size / 64 + 2);
}

void Normalizer::put(char32_t code) {
    std::uint8_t* out = bytes_.data() + size_;
    std::uint32_t length = 1;
    if (code < 0x80) {
        out[0] = static_cast<std::uint8_t>(code);
    } else {
        length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        for (std::uint32_t b = length - 1; b > 0; --b, code >>= 6)
            out[b] = static_cast<std::uint8_t>(0x80 | (code & 0x3F));
        out[0] = static_cast<std::uint8_t>((0xF00u >> length) | code);
        ascii_ = false;
    }
    size_ += length;
}

void Normalizer::put_stripped(char32_t code) {
    const auto mark_word = [&](char32_t c) {
        const std::size_t begin = size_;
        put(c);
        if (!(char_record(c).flags & kWord)) return;
        for (std::size_t b = begin; b < size_; ++b) mask_[b / 64] |= std::uint64_t{1} << (b % 64);
    };
    if (options_.strip_accents == StripAccents::none) return mark_word(code);
    char32_t scratch[3];
    CodePoints text = {&code, 1};
    if (char_record(code).flags & kStripped) text = stripped(code, scratch);
    for (std::uint32_t i = 0; i < text.size; ++i)
        if (options_.strip_accents == StripAccents::unicode || text.data[i] < 0x80) mark_word(text.data[i]);
}

template <typename Char>
void Normalizer::put_lower(const Char* text, index_t n, index_t i) {
    const char32_t code = text[i];
    const CharRecord& record = char_record(code);
    if (!(record.flags & kLowerIsSpecial))
        return put_stripped(code + static_cast<char32_t>(record.lower_delta));
    if (code == kSigma) return put_stripped(is_final_sigma(text, n, i) ? kFinalSigma : kSmallSigma);
    const CodePoints lower = special_lower(code);
    for (std::uint32_t j = 0; j < lower.size; ++j) put_stripped(lower.data[j]);
}

template <typename Char>
void Normalizer::normalize(const Char* text, index_t n) {
    size_ = 0;
    ascii_ = true;
    std::size_t n_zeroed = 0;  // words of mask_ that are clear or belong to this document
    for (index_t i = 0; i < n; ++i) {
        if (size_ + kMaxExpansion > n_zeroed * 64) {
            reserve((n_zeroed + kMaskStep) * 64);
            std::fill_n(mask_.begin() + static_cast<std::ptrdiff_t>(n_zeroed), kMaskStep, std::uint64_t{0});
            n_zeroed += kMaskStep;
        }
        options_.lowercase ? put_lower(text, n, i) : put_stripped(text[i]);
    }
}

NormalizedText Normalizer::finish(index_t row) {
    require(static_cast<index_t>(size_) <= kMaxBytes, "text", "document ", row, " has ", size_,
            " bytes; at most ", kMaxBytes, " are supported");
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(size_), kPadding, std::uint8_t{0});
    return {bytes_.data(), static_cast<std::uint32_t>(size_), mask_.data(), ascii_};
}

NormalizedText Normalizer::run(const Document& document, index_t row) {
    const index_t n = document.length;
    const auto* bytes = static_cast<const std::uint8_t*>(document.data);
    if (document.encoding == Encoding::ascii || document.encoding == Encoding::utf8) {
        require(n <= kMaxBytes, "text", "document ", row, " has ", n, " bytes; at most ", kMaxBytes,
                " are supported");
        reserve(static_cast<std::size_t>(n));
        if (classify_(bytes, n, options_.lowercase, bytes_.data(), mask_.data())) {
            size_ = static_cast<std::size_t>(n);
            ascii_ = true;
            return finish(row);
        }
        require(decode_utf8(bytes, n, decoded_), "text", "document ", row, " is not valid UTF-8");
        normalize(decoded_.data(), static_cast<index_t>(decoded_.size()));
    } else if (document.encoding == Encoding::latin1) {
        normalize(bytes, n);
    } else if (document.encoding == Encoding::ucs2) {
        normalize(static_cast<const std::uint16_t*>(document.data), n);
    } else {
        normalize(static_cast<const std::uint32_t*>(document.data), n);
    }
    return finish(row);
}

}  // namespace coterie::text
