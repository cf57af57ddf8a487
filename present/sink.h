// present/sink.h - where a rendered document goes, piece by piece as it is made.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata {

/// What fails it ends the rendering.
using Sink = std::function<Result<void>(std::string_view piece)>;

/// Collects what is written until there is a piece of it.
class PieceWriter {
 public:
  explicit PieceWriter(const Sink& sink) : sink_(sink) {}

  /// To be written to, and looked back into as far as nothing was handed on.
  std::string text;

  std::size_t position() const { return handed_on_ + text.size(); }
  /// Hands on what is a piece by now; false once the sink has failed.
  bool may_go_on() { return text.size() < kPiece || hand_on(); }
  Result<void> finish() {
    hand_on();
    return result_;
  }

 private:
  static constexpr std::size_t kPiece = 64 << 10;

  bool hand_on() {
    if (result_) result_ = sink_(text);
    handed_on_ += text.size();
    text.clear();
    return result_.has_value();
  }

  const Sink& sink_;
  std::size_t handed_on_ = 0;
  Result<void> result_;
};

}  // namespace strata
