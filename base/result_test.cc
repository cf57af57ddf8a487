#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace strata {
namespace {

Result<int> inner(int number) {
  if (number == 7) return number;
  return fail(Cause::kCorrupt, "{} is not {}", number, "seven");
}

Result<std::string> outer(int number) {
  auto checked = inner(number);
  if (!checked) return pass(checked, "counting to seven");
  return std::to_string(*checked);
}

TEST(Result, CarriesTheValue) { EXPECT_EQ(outer(7).value(), "7"); }

TEST(Result, GathersContextTheInnermostFirst) {
  auto failed = outer(5);
  ASSERT_FALSE(failed);
  auto further = pass(failed, "testing");
  const Error error = std::move(further.value()).with_help("count again").with_help("too late");
  EXPECT_EQ(error.cause, Cause::kCorrupt);
  EXPECT_EQ(to_text(error),
            "error: 5 is not seven\n  counting to seven\n  testing\nhelp: count again\n");
}

TEST(Result, ShowsNoEmptyHelp) {
  EXPECT_EQ(to_text({Cause::kSystem, "broken", {}, {}}), "error: broken\n");
}

TEST(Result, TellsErrnosApartByWhatACallerDoes) {
  EXPECT_EQ(cause_of_errno(EACCES), Cause::kPermission);
  EXPECT_EQ(cause_of_errno(EPERM), Cause::kPermission);
  EXPECT_EQ(cause_of_errno(ENOENT), Cause::kNotFound);
  EXPECT_EQ(cause_of_errno(ESRCH), Cause::kGone);
  EXPECT_EQ(cause_of_errno(ENOTTY), Cause::kUnsupported);
  EXPECT_EQ(cause_of_errno(EMFILE), Cause::kLimit);
  EXPECT_EQ(cause_of_errno(EIO), Cause::kSystem);
  const Error error = fail_errno(ENOENT, "open /x").value();
  EXPECT_EQ(error.message, "open /x: No such file or directory");
}

}  // namespace
}  // namespace strata
