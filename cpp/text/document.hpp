// Documents as they lie in memory: a Python string's own buffer, or UTF-8 as in Arrow.
#pragma once

#include <cstdint>

#include "core/types.hpp"

namespace coterie::text {

// The first four are Python's storage: one, one, two or four bytes per code point, lone surrogates included.
enum class Encoding : std::uint8_t { ascii, latin1, ucs2, ucs4, utf8 };

struct Document {
    const void* data = nullptr;
    index_t length = 0;  // in units of the encoding
    Encoding encoding = Encoding::ascii;
};

// A batch of documents. at() is called from many threads at once and must not fail.
class DocumentSource {
  public:
    virtual ~DocumentSource() = default;
    virtual index_t size() const = 0;
    virtual Document at(index_t i) const = 0;
    // Asks for the memory of document i, which at(i) will soon be called for; i may be size() or more.
    virtual void prefetch(index_t) const {}
};

}  // namespace coterie::text
