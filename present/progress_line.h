// present/progress_line.h - one line on the terminal that says how far long work is.
//
//     reading huge pages  ██████████··········  52 %  3 s
//
// Nothing is shown in the first second, nor where standard error is no terminal: a log has no use
// for it. The line is gone before anything else is written.
// Threads one at a time.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace strata {

class ProgressLine {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kPatience = std::chrono::seconds(1);
  static constexpr auto kPause = std::chrono::milliseconds(100);  ///< from one line to the next

  /// On standard error.
  ProgressLine();
  /// `write` takes what a terminal of `width` columns would get; empty where there is none.
  ProgressLine(std::function<void(std::string_view)> write, int width,
               std::function<Clock::time_point()> now);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::string_view step, double done);
  void clear();

 private:
  std::function<void(std::string_view)> write_;
  int width_;
  std::function<Clock::time_point()> now_;
  Clock::time_point begun_;
  Clock::time_point due_;  // of the next line
  bool shown_ = false;
};

}  // namespace strata
