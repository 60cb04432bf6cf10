#include "text/lexicon.hpp"

#include <algorithm>
#include <random>

#include "core/check.hpp"

namespace coterie::text {
namespace {

constexpr std::size_t kInitialSlots = 1 << 12;
constexpr TermId kMaxTerms = 0x7FFFFFFF;  // columns are int32

std::uint64_t load8(const std::uint8_t* p) {
    std::uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
}

}  // namespace

std::uint64_t hash_secret() {
    static const std::uint64_t secret = [] {
        std::random_device device;
        return std::uint64_t{device()} << 32 | device();
    }();
    return secret;
}

Lexicon::Lexicon() : slots_(kInitialSlots), mask_(kInitialSlots - 1), secret_(hash_secret()) {}

// Sixteen bytes a step, the last step overlapping; length > 8.
std::uint64_t Lexicon::long_hash(const std::uint8_t* bytes, std::uint32_t length) const {
    constexpr std::uint64_t kOdd = 0xA0761D6478BD642Fu;
    std::uint64_t h = secret_ ^ mix(length ^ kOdd, 0xE7037ED1A0B428DBu);
    const std::uint8_t* p = bytes;
    std::uint32_t rest = length;
    for (; rest > 16; rest -= 16, p += 16) h = mix(load8(p) ^ secret_, load8(p + 8) ^ h);
    const std::uint8_t* const end = bytes + length;
    const std::uint64_t first = rest >= 8 ? load8(p) : load8(end - 8);
    return mix(kOdd ^ length, mix(first ^ secret_, load8(end - 8) ^ h));
}

TermId Lexicon::insert(const TermKey& k, const std::uint8_t* bytes) {
    const TermId id = size();
    require(id < kMaxTerms, "text", "more than ", kMaxTerms, " distinct terms");
    if ((std::size_t{id} + 1) * 5 > slots_.size() * 3) grow();
    std::uint64_t key = k.key;
    if (k.length != kGram) {
        key = arena_.size();
        arena_.insert(arena_.end(), bytes, bytes + k.length);
    }
    terms_.push_back({key, k.length});
    slots_[slot_of(k, bytes)] = {k.key, k.length, id};
    return id;
}

void Lexicon::grow() {
    decltype(slots_) old(slots_.size() * 2);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& s : old) {
        if (s.id == kAbsent) continue;
        const std::uint64_t hash = s.length <= 8 || s.length == kGram ? short_hash(s.key, s.length) : s.key;
        std::size_t i = hash & mask_;
        while (slots_[i].id != kAbsent) i = (i + 1) & mask_;
        slots_[i] = s;
    }
}

template <typename Use>
TermId Lexicon::with_padding(std::string_view text, const Use& use) {
    std::uint8_t padded[16] = {};
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    const auto length = static_cast<std::uint32_t>(text.size());
    if (length <= 8) {
        std::copy_n(bytes, length, padded);
        bytes = padded;
    }
    return use(bytes, length);
}

TermId Lexicon::intern_token(std::string_view text) {
    return with_padding(text, [this](const std::uint8_t* bytes, std::uint32_t length) {
        return intern(token_key(bytes, length), bytes);
    });
}

TermId Lexicon::intern_joined(std::string_view text) {
    std::size_t end = text.find(' ');
    TermId id = intern_token(text.substr(0, end));
    while (end != std::string_view::npos) {
        const std::size_t begin = end + 1;
        end = text.find(' ', begin);
        const TermId last =
            intern_token(text.substr(begin, end == std::string_view::npos ? end : end - begin));
        id = intern(gram_key(id, last), nullptr);
    }
    return id;
}

TermId Lexicon::intern_from(const Lexicon& other, TermId id, const std::vector<TermId>& map) {
    if (other.is_gram(id)) return intern(gram_key(map[other.prefix(id)], map[other.last(id)]), nullptr);
    return intern_token(other.token(id));
}

TermId Lexicon::find_from(const Lexicon& other, TermId id, const std::vector<TermId>& map) const {
    if (other.is_gram(id)) {
        const TermId first = map[other.prefix(id)], second = map[other.last(id)];
        return first == kAbsent || second == kAbsent ? kAbsent : find(gram_key(first, second), nullptr);
    }
    return with_padding(other.token(id), [this](const std::uint8_t* bytes, std::uint32_t length) {
        return find(token_key(bytes, length), bytes);
    });
}

void Lexicon::prefetch_from(const Lexicon& other, TermId id, const std::vector<TermId>& map) const {
    if (other.is_gram(id)) {
        prefetch(gram_key(map[other.prefix(id)], map[other.last(id)]));
    } else if (other.terms_[id].key + other.terms_[id].length + 8 <= other.arena_.size()) {
        prefetch(token_key(other.arena_.data() + other.terms_[id].key, other.terms_[id].length));
    }
}

std::size_t Lexicon::text_size(TermId id) const {
    std::size_t size = 0;
    for (; is_gram(id); id = prefix(id)) size += 1 + token(last(id)).size();
    return size + token(id).size();
}

char* Lexicon::write_text(TermId id, char* out) const {
    if (is_gram(id)) {
        out = write_text(prefix(id), out);
        *out++ = ' ';
        id = last(id);
    }
    const std::string_view text = token(id);
    return std::copy(text.begin(), text.end(), out);
}

}  // namespace coterie::text
