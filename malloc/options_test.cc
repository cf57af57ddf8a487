#include "malloc/options.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "malloc/block.h"

namespace strata::alloc {
namespace {

// Suites of such a name are run before others, when nothing is read yet. Each in a process of its
// own, since texts are read once.
template <class Act>
void with(const char* text, Act act, const char* says = "") {
  EXPECT_EXIT(
      {
        setenv("STRATA_MALLOC", text, 1);
        act();
        exit(0);
      },
      testing::ExitedWithCode(0), says);
}

TEST(OptionsDeathTest, AreReadFromTheEnvironment) {
  with("background:0,,decay:0,quarantine:3M,", [] {
    read_options();
    if (option(Option::kBackground) != 0 || option(Option::kDecay) != 0 ||
        option(Option::kQuarantine) != 3 << 20 || option(Option::kHarden) != 0) {
      exit(1);
    }
  });
}

TEST(OptionsDeathTest, ThatAreWrongAreLeftOut) {
  for (const char* wrong : {"background:2", "background:", "background", "decay:3600001",
                            "decay:1K", "decay:-1", "decay: 1", "quarantine:2000G", "quarantine:1T",
                            "quarantine:1KB", "quarantine:K", "quarantine:99999999999999999999",
                            "quarantine:18446744073709551615G", "other:1", ":1", ":"}) {
    with(
        wrong,
        [] {
          read_options();
          for (std::size_t i = 0; i < static_cast<std::size_t>(Option::kCount); ++i) {
            if (option(static_cast<Option>(i)) != abi::kMallocOptions[i].preset) exit(1);
          }
        },
        "strata malloc: STRATA_MALLOC: '.*' .*; ignored");
  }
}

TEST(OptionsDeathTest, CanBeSetWhileTheProgramRuns) {
  with("decay:100", [] {
    if (set_option("decay", "250") != Setting::kDone) exit(1);
    // What is set counts for more than the text, which is not read after it.
    release(allocate(100));
    if (option(Option::kDecay) != 250) exit(2);
    if (set_option("decay", "x") != Setting::kWrongValue) exit(3);
    if (set_option("decoy", "1") != Setting::kNoSuchKey) exit(4);
    if (set_option("harden", "1") != Setting::kTooLate) exit(5);
    if (option(Option::kHarden) != 0) exit(6);
  });
}

}  // namespace
}  // namespace strata::alloc
