// Strings and sequences of strings <-> dense ids. Tokens lie in an arena; an n-gram is the pair (id of its
// first n - 1 tokens, id of its last token), so no n-gram is ever built as a string to be counted.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/large_vector.hpp"
#include "core/types.hpp"

namespace coterie::text {

using TermId = std::uint32_t;
inline constexpr TermId kAbsent = 0xFFFFFFFF;

// What identifies a token or an n-gram in the hash table, and its hash. Up to 8 bytes the key is the token
// itself, padded with zeros; above, a hash whose hits are compared with the arena. For an n-gram it is prefix
// << 32 | last.
struct TermKey {
    std::uint64_t key;
    std::uint32_t length;  // bytes of the token, or kGram
    std::uint64_t hash;
};
inline constexpr std::uint32_t kGram = 0xFFFFFFFF;

// Keyed by a random secret of the process, so that chosen texts cannot make the table slow; no result depends
// on it.
std::uint64_t hash_secret();

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

class Lexicon {
  public:
    Lexicon();

    // bytes is followed by at least 8 readable bytes. Empty tokens are allowed.
    TermKey token_key(const std::uint8_t* bytes, std::uint32_t length) const {
        if (length <= 8) {
            std::uint64_t key;
            std::memcpy(&key, bytes, 8);
            key = length == 0 ? 0 : key & (~std::uint64_t{0} >> (64 - 8 * length));
            return {key, length, short_hash(key, length)};
        }
        const std::uint64_t hash = long_hash(bytes, length);
        return {hash, length, hash};
    }
    TermKey gram_key(TermId prefix, TermId last) const {
        const std::uint64_t key = std::uint64_t{prefix} << 32 | last;
        return {key, kGram, short_hash(key, kGram)};
    }

    void prefetch(const TermKey& k) const { __builtin_prefetch(slots_.data() + (k.hash & mask_)); }

    // bytes is what token_key was made from; nullptr for an n-gram.
    TermId find(const TermKey& k, const std::uint8_t* bytes) const { return slots_[slot_of(k, bytes)].id; }
    TermId intern(const TermKey& k, const std::uint8_t* bytes) {
        const Slot& slot = slots_[slot_of(k, bytes)];
        return slot.id != kAbsent ? slot.id : insert(k, bytes);
    }

    // Interns text, whose memory needs no readable bytes behind it.
    TermId intern_token(std::string_view text);
    // Interns text as the n-gram of the tokens between its spaces; a text without a space is a token.
    TermId intern_joined(std::string_view text);
    // Interns term `id` of other, whose tokens map[0 .. id) has translated to this lexicon's ids.
    TermId intern_from(const Lexicon& other, TermId id, const std::vector<TermId>& map);

    // The id of that term here, or kAbsent; an n-gram's tokens may be kAbsent in map.
    TermId find_from(const Lexicon& other, TermId id, const std::vector<TermId>& map) const;

    // Asks for the memory that intern_from(other, id, map) will need; a hint, where map is not there yet.
    void prefetch_from(const Lexicon& other, TermId id, const std::vector<TermId>& map) const;

    TermId size() const { return static_cast<TermId>(terms_.size()); }
    bool is_gram(TermId id) const { return terms_[id].length == kGram; }
    // Tokens of a term.
    int length(TermId id) const {
        int n = 1;
        for (; is_gram(id); id = prefix(id)) ++n;
        return n;
    }
    TermId prefix(TermId gram) const { return static_cast<TermId>(terms_[gram].key >> 32); }
    TermId last(TermId gram) const { return static_cast<TermId>(terms_[gram].key); }
    std::string_view token(TermId id) const {
        return {reinterpret_cast<const char*>(arena_.data()) + terms_[id].key, terms_[id].length};
    }
    // Bytes of the term's text; an n-gram's tokens are joined by single spaces.
    std::size_t text_size(TermId id) const;
    // Writes the term's text and returns its end.
    char* write_text(TermId id, char* out) const;

  private:
    struct Slot {
        std::uint64_t key = 0;
        std::uint32_t length = 0;
        TermId id = kAbsent;
    };
    struct Term {
        std::uint64_t key;  // offset in the arena, or prefix << 32 | last
        std::uint32_t length;
    };

    std::uint64_t short_hash(std::uint64_t key, std::uint32_t length) const {
        return mix(key ^ secret_, 0x9E3779B97F4A7C15u ^ (std::uint64_t{length} << 32));
    }
    std::uint64_t long_hash(const std::uint8_t* bytes, std::uint32_t length) const;

    // The slot that holds k, or the empty one where it belongs. Linear probing.
    std::size_t slot_of(const TermKey& k, const std::uint8_t* bytes) const {
        for (std::size_t i = k.hash & mask_;; i = (i + 1) & mask_) {
            const Slot& s = slots_[i];
            if (s.id == kAbsent) return i;
            if (s.key == k.key && s.length == k.length &&
                (k.length <= 8 || k.length == kGram || same_bytes(s, bytes)))
                return i;
        }
    }
    bool same_bytes(const Slot& slot, const std::uint8_t* bytes) const {
        return bytes != nullptr && std::memcmp(arena_.data() + terms_[slot.id].key, bytes, slot.length) == 0;
    }
    TermId insert(const TermKey& k, const std::uint8_t* bytes);
    void grow();
    // use(bytes, length) of the text with the readable bytes behind it that a short token's key asks for.
    template <typename Use>
    static TermId with_padding(std::string_view text, const Use& use);

    LargeVector<Slot> slots_;
    std::uint64_t mask_;
    std::uint64_t secret_;
    std::vector<Term> terms_;
    std::vector<std::uint8_t> arena_;
};

}  // namespace coterie::text
