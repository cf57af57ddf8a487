#include "inspect/object/heap_blocks.h"

namespace strata {

void scan_piece(const References& references, const Piece& piece, References::Batch& batch) {
  batch.clear();
  for (const Range& part : piece.parts) {
    references.scan(part.start, words_of(piece.part(part)), batch);
  }
}

}  // namespace strata
