#include "cli/common.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

using std::chrono::microseconds;

Result<std::optional<microseconds>> limit(const std::string& text) {
  Invocation invocation;
  invocation.set("--freeze", "");
  invocation.set("--freeze-limit", text);
  return freeze_limit_of(invocation);
}

TEST(FreezeLimit, IsASecondUnlessSaidOtherwise) {
  Invocation invocation;
  EXPECT_EQ(freeze_limit_of(invocation).value(), std::nullopt);
  invocation.set("--freeze", "");
  EXPECT_EQ(freeze_limit_of(invocation).value(), microseconds(1'000'000));
}

TEST(FreezeLimit, TakesMillisecondsAndSeconds) {
  EXPECT_EQ(limit("200ms").value(), microseconds(200'000));
  EXPECT_EQ(limit("2s").value(), microseconds(2'000'000));
  EXPECT_EQ(limit("0.5s").value(), microseconds(500'000));
  EXPECT_EQ(limit("60s").value(), microseconds(60'000'000));
}

TEST(FreezeLimit, RefusesWhatIsNoTime) {
  for (const char* text : {"", "1", "s", "ms", "0s", "-1s", "61s", "1m", "1 s", "nans", "nanms",
                           "infs", "1e999s", "1e-9s", "0x10s", "s1", "1s ", "\x1b[2J"}) {
    auto refused = limit(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().cause, Cause::kUsage);
    EXPECT_EQ(to_text(refused.error()).find('\x1b'), std::string::npos);
  }
}

TEST(FreezeLimit, MeansNothingWithoutFreezing) {
  Invocation invocation;
  invocation.set("--freeze-limit", "1s");
  EXPECT_FALSE(freeze_limit_of(invocation));
}

}  // namespace
}  // namespace strata
