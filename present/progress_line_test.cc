#include "present/progress_line.h"

#include <gtest/gtest.h>

#include <limits>

namespace strata {
namespace {

using std::chrono::milliseconds;

struct Terminal {
  std::string shown;
  ProgressLine::Clock::time_point now;
  ProgressLine line;

  explicit Terminal(int width = 80)
      : line([this](std::string_view text) { shown += text; }, width, [this] { return now; }) {}
};

TEST(ProgressLine, IsSilentInTheFirstSecond) {
  Terminal t;
  t.line.show("reading smaps", 0.1);
  t.now += milliseconds(999);
  t.line.show("reading smaps", 0.9);
  t.line.clear();
  EXPECT_EQ(t.shown, "");
}

TEST(ProgressLine, ShowsStepShareAndSeconds) {
  Terminal t;
  t.now += milliseconds(3200);
  t.line.show("reading huge pages", 0.524);
  EXPECT_EQ(t.shown, "\r\x1b[Kreading huge pages  ██████████··········  52 %  3 s");
}

TEST(ProgressLine, ComesAtMostTenTimesASecond) {
  Terminal t;
  t.now += milliseconds(1000);
  t.line.show("a", 0.1);
  const std::size_t first = t.shown.size();
  t.now += milliseconds(99);
  t.line.show("a", 0.2);
  EXPECT_EQ(t.shown.size(), first);
  t.now += milliseconds(1);
  t.line.show("a", 0.2);
  EXPECT_GT(t.shown.size(), first);
}

TEST(ProgressLine, IsGoneAfterwardsAndNeverWraps) {
  Terminal t(20);
  t.now += milliseconds(1000);
  t.line.show("a step whose name is longer than the line", 0.5);
  EXPECT_EQ(t.shown, "\r\x1b[Ka step whose name i");
  t.line.clear();
  EXPECT_TRUE(t.shown.ends_with("\r\x1b[K"));
  const std::size_t all = t.shown.size();
  t.line.clear();
  EXPECT_EQ(t.shown.size(), all);
}

TEST(ProgressLine, TakesAShareThatIsNone) {
  for (const double share : {-1.0, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
    Terminal t;
    t.now += milliseconds(1000);
    t.line.show("a", share);
    EXPECT_NE(t.shown.find(share > 1 ? "100 %" : " 0 %"), std::string::npos);
  }
}

TEST(ProgressLine, WithoutATerminalSaysNothing) {
  ProgressLine::Clock::time_point now{};
  ProgressLine line({}, 80, [&] { return now; });
  now += milliseconds(5000);
  line.show("a", 0.5);
  line.clear();
}

}  // namespace
}  // namespace strata
