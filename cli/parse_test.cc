#include <gtest/gtest.h>

#include <array>

#include "cli/command.h"

namespace strata {
namespace {

constexpr std::array<Argument, 2> kArguments = {{{"TARGET", "what"}, {"ADDRESS", "where"}}};
constexpr std::array<Option, 3> kOptions = {
    {{"--json", "", "as JSON"}, {"--sort", "BY", "order"}, {"--filter", "TEXT", "only these"}}};

Result<Exit> never(const Invocation&) { return Exit::kDone; }

constexpr Command kTwo = {"try", "tries", "Tries it.", kArguments, kOptions, {}, never};
constexpr Command kNone = {"none", "takes nothing", "Nothing.", {}, {}, {}, never};

Invocation parsed(const std::vector<std::string>& words) {
  auto invocation = parse(kTwo, words);
  EXPECT_TRUE(invocation) << (invocation ? "" : to_text(invocation.error()));
  return invocation ? *invocation : Invocation{};
}

Error refused(const Command& command, const std::vector<std::string>& words) {
  auto invocation = parse(command, words);
  EXPECT_FALSE(invocation);
  if (invocation) return {};
  EXPECT_EQ(invocation.error().cause, Cause::kUsage);
  EXPECT_FALSE(invocation.error().help.empty());
  return invocation.error();
}

bool mentions(const Error& error, std::string_view text) {
  return to_text(error).find(text) != std::string::npos;
}

TEST(Parse, TakesOptionsAndArgumentsInAnyOrder) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--json", "--sort", "size", "42", "0x10"},
        {"42", "--sort", "size", "0x10", "--json"},
        {"42", "0x10", "--sort=size", "--json"}}) {
    const Invocation i = parsed(words);
    EXPECT_TRUE(i.has("--json") && i.has("--sort"));
    EXPECT_FALSE(i.has("--filter"));
    EXPECT_EQ(i.value("--sort"), "size");
    EXPECT_EQ(i.value("--filter"), std::nullopt);
    EXPECT_EQ(i.argument(0), "42");
    EXPECT_EQ(i.argument(1), "0x10");
  }
}

TEST(Parse, TakesValuesAsTheyWereTyped) {
  for (const char* value : {"[heap]", "a,b", "[a,b]", "x y", "", "'q'", "\"q\"", "{1}", "a=b", "%%",
                            "\xff\n", "größe"}) {
    EXPECT_EQ(parsed({"a", "b", "--filter", value}).value("--filter"), value) << value;
    if (*value == '\0') continue;  // "--filter=" lacks one
    EXPECT_EQ(parsed({"a", "b", std::string("--filter=") + value}).value("--filter"), value)
        << value;
  }
  EXPECT_EQ(parsed({"[heap]", "a,b"}).argument(0), "[heap]");
}

TEST(Parse, TakesAllBehindTwoDashesForArguments) {
  const Invocation i = parsed({"--json", "--", "-bash", "--sort"});
  EXPECT_TRUE(i.has("--json"));
  EXPECT_FALSE(i.has("--sort"));
  EXPECT_EQ(i.argument(0), "-bash");
  EXPECT_EQ(i.argument(1), "--sort");
}

TEST(Parse, NamesWhatIsMissing) {
  EXPECT_TRUE(mentions(refused(kTwo, {}), "needs TARGET"));
  EXPECT_TRUE(mentions(refused(kTwo, {"42"}), "needs ADDRESS"));
  const Error value = refused(kTwo, {"42", "0x10", "--sort"});
  EXPECT_TRUE(mentions(value, "--sort") && mentions(value, "BY")) << to_text(value);
}

TEST(Parse, NamesWhatIsTooMuch) {
  EXPECT_TRUE(mentions(refused(kTwo, {"1", "2", "three"}), "three"));
  EXPECT_TRUE(mentions(refused(kNone, {"one"}), "one"));
  const Error twice = refused(kTwo, {"1", "2", "--sort", "a", "--sort", "b"});
  EXPECT_TRUE(mentions(twice, "--sort")) << to_text(twice);
  const Error flag = refused(kTwo, {"1", "2", "--json=yes"});
  EXPECT_TRUE(mentions(flag, "--json takes no value")) << to_text(flag);
  for (const Error& misuse : {twice, flag, refused(kTwo, {"1", "2", "--filter="})}) {
    EXPECT_FALSE(mentions(misuse, "required")) << "CLI11's words: " << to_text(misuse);
  }
}

TEST(Parse, SuggestsTheNearestOption) {
  EXPECT_TRUE(mentions(refused(kTwo, {"1", "2", "--jsn"}), "did you mean --json?"));
  EXPECT_TRUE(mentions(refused(kTwo, {"1", "2", "--flter", "x"}), "did you mean --filter?"));
  EXPECT_FALSE(mentions(refused(kTwo, {"1", "2", "--completely-else"}), "did you mean"));
  EXPECT_TRUE(mentions(refused(kTwo, {"1", "2", "-x"}), "-x"));
}

TEST(Parse, ShowsNoControlCharacterOfWhatWasTyped) {
  EXPECT_FALSE(mentions(refused(kTwo, {"1", "2", "--\x1b[2J"}), "\x1b"));
  EXPECT_FALSE(mentions(refused(kTwo, {"1", "2", "\x1b[2J"}), "\x1b"));
}

TEST(Help, NamesEveryArgumentOptionAndExampleWithinTheWidth) {
  for (const Command* command : commands()) {
    const std::string text = help(*command);
    for (const Argument& a : command->arguments) EXPECT_NE(text.find(a.name), std::string::npos);
    for (const Option& o : command->options) EXPECT_NE(text.find(o.name), std::string::npos);
    for (const std::string_view e : command->examples) EXPECT_NE(text.find(e), std::string::npos);
    EXPECT_NE(overview().find(command->name), std::string::npos);
    for (const std::string& whole : {text, overview()}) {
      for (std::size_t at = 0, end = 0; at < whole.size(); at = end + 1) {
        end = whole.find('\n', at);
        ASSERT_NE(end, std::string::npos) << "the last line has no end";
        EXPECT_LE(end - at, 80u) << whole.substr(at, end - at);
        EXPECT_FALSE(whole.substr(at, end - at).ends_with(' ')) << whole.substr(at, end - at);
      }
    }
  }
}

TEST(Parse, ACommandThatAlwaysRunsAProgramTakesItBehindTwoDashes) {
  constexpr Command kRuns = {"go", "goes", "Goes.", {}, kOptions, {}, never, Command::kAlways};
  const auto invocation = parse(kRuns, {"--json", "--", "sh", "-c", "--", "--sort"});
  ASSERT_TRUE(invocation);
  EXPECT_TRUE(invocation->has("--json"));
  EXPECT_FALSE(invocation->has("--sort"));
  const std::vector<std::string> program{"sh", "-c", "--", "--sort"};
  EXPECT_EQ(invocation->program(), program);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"--"}, {"sh"}, {"--json"}, {"sh", "--"}}) {
    EXPECT_TRUE(mentions(refused(kRuns, words), "needs a program behind --: `strata go -- CMD`"));
  }
  EXPECT_TRUE(mentions(refused(kRuns, {"--jsom", "--", "sh"}), "--json"));
  EXPECT_TRUE(mentions(refused(kRuns, {"what", "--", "sh"}), "what"));
  EXPECT_NE(help(kRuns).find("usage: strata go [OPTION]... -- PROGRAM [ARGUMENT]...\n\n"),
            std::string::npos);
}

}  // namespace
}  // namespace strata
