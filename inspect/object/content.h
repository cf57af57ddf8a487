// inspect/object/content.h - what kind of content a block has, by its first bytes.
// A pure function of what was read; each kind has an exact rule, tried in this order:
//
//     unseen    nothing of it could be read
//     zeros     all bytes seen are 0
//     pointers  of its words (8 bytes, aligned, whole) that are not 0, more than half are pointers
//     text      it begins with a run of printable UTF-8 or UTF-16LE that is long enough
//     bytes     all else
//
// A run of UTF-8 is of graphic characters, spaces, \t, \n, \r and ESC, in the shortest form. It is
// text with
//     8 bytes   if a NUL, or the end of what was seen, follows. Of random bytes that holds for one
//               block of 8 in 500, and for one of 16 or more in 45,000
//     5 bytes   if they are ASCII letters, digits, or of " _-./:", and a NUL follows: names. Of
//               random numbers below 2^40 that holds for 1 in 700; addresses came before as
//               pointers
//     32 bytes  whatever follows, if they are half of what was seen: a buffer that is used anew
// A run of UTF-16 is 6 units or more, printable as above, of which three quarters are ASCII, up to
// a NUL or the end of what was seen. So text in UTF-16 of other scripts than Latin is bytes: it
// cannot be told from numbers.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "base/units.h"

namespace strata {

/// No more than this of a block is looked at.
inline constexpr Bytes kMostSeen = 4_KiB;

enum class ContentKind {
  kUnseen,
  kZeros,
  kObject,  ///< its first word is a vptr: cxx_type.h says so, classify() never does
  kPointers,
  kText,
  kBytes,
};

enum class TextEncoding { kUtf8, kUtf16 };

struct Content {
  ContentKind kind = ContentKind::kUnseen;
  TextEncoding encoding = TextEncoding::kUtf8;  ///< of text
  Bytes text_size;          ///< of text: its bytes in the block, without what ends it
  bool text_ended = false;  ///< of text: false where it may go on behind what was seen

  bool operator==(const Content&) const = default;
};

/// Whether a word, as an address, lies in memory that is mapped.
using IsPointer = std::function<bool(Address)>;

/// `seen`: the first bytes of a block; `size`: how many it has. Beyond kMostSeen nothing is read.
Content classify(std::span<const std::byte> seen, Bytes size, const IsPointer& is_pointer);

/// The beginning of the text as UTF-8, at most `most` bytes of it and no part of a character; empty
/// where `content`, which classify() gave for `seen`, is no text. It may be a secret, and holds
/// line ends and escapes: show it on --show-content alone, through printable().
std::string excerpt(std::span<const std::byte> seen, const Content& content, Bytes most = 64_B);

}  // namespace strata
