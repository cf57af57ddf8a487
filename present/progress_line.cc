#include "present/progress_line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "present/width.h"

namespace strata {
namespace {

constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr int kBar = 20;

std::function<void(std::string_view)> terminal() {
  const char* const kind = std::getenv("TERM");
  const bool moves = kind != nullptr && std::string_view(kind) != "dumb";
  if (isatty(STDERR_FILENO) != 1 || !moves) return {};
  return [](std::string_view text) {
    // What cannot be shown is no reason to stop.
    [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
  };
}

int terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

ProgressLine::ProgressLine() : ProgressLine(terminal(), terminal_width(), Clock::now) {}

ProgressLine::ProgressLine(std::function<void(std::string_view)> write, int width,
                           std::function<Clock::time_point()> now)
    : write_(std::move(write)),
      width_(width),
      now_(std::move(now)),
      begun_(now_()),
      due_(begun_ + kPatience) {}

void ProgressLine::show(std::string_view step, double done) {
  if (!write_) return;
  const Clock::time_point now = now_();
  if (now < due_) return;
  due_ = now + kPause;
  const double share = std::isfinite(done) ? std::clamp(done, 0.0, 1.0) : 0;
  const int filled = static_cast<int>(share * kBar);
  std::string bar;
  for (int i = 0; i < kBar; ++i) bar += i < filled ? "█" : "·";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - begun_).count();
  const std::string line = fmt::format("{}  {}  {:.0f} %  {} s", step, bar, share * 100, seconds);
  // A line that wraps could not be taken back.
  write_(fmt::format("{}{}", kClearLine, first_columns(line, std::max(width_ - 1, 0))));
  shown_ = true;
}

void ProgressLine::clear() {
  if (shown_) write_(kClearLine);
  shown_ = false;
}

}  // namespace strata
