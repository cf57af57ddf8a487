// The witness is the VM itself: native memory tracking lists every range that it reserved, and for
// what. NMT is asked after the survey, through jcmd.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <regex>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/runtime_specimen.h"

namespace strata {
namespace {

constexpr const char* kProgram = R"(
import java.util.*;
public class Holder {
  public static void main(String[] a) throws Exception {
    List<byte[]> keep = new ArrayList<>();
    for (int i = 0; i < 4000; i++) { byte[] b = new byte[16384]; Arrays.fill(b, (byte) 1); keep.add(b); }
    Map<Integer, String> map = new HashMap<>();
    for (int i = 0; i < 100000; i++) map.put(i, "v" + i);
    System.gc();
    System.out.print("ready\n");
    System.out.flush();
    Thread.sleep(1000000000L);
    System.out.println(keep.size() + map.size());
  }
}
)";

struct Tracked {
  Range range;
  std::string purpose;  ///< "Java Heap", "Code", "GC", "Thread Stack", …
};

std::vector<Tracked> ask_vm(const std::string& jcmd, pid_t pid) {
  std::string text;
  FILE* const pipe =
      ::popen(fmt::format("'{}' {} VM.native_memory detail", jcmd, pid).c_str(), "r");
  if (pipe == nullptr) return {};
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    text.append(buffer.data(), got);
  }
  ::pclose(pipe);
  // "[0x00007f8eef000000 - 0x00007f8ef3000000] reserved 65536KB for Metaspace from"
  const std::regex line(
      R"(\n\[0x([0-9a-f]+) - 0x([0-9a-f]+)\] reserved[a-z ]* [0-9]+KB for ([A-Za-z ]+?)( from)?\n)");
  std::vector<Tracked> all;
  for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at) {
    all.push_back(
        {{Address{std::stoull((*at)[1], nullptr, 16)}, Address{std::stoull((*at)[2], nullptr, 16)}},
         (*at)[3]});
  }
  return all;
}

/// Out of the JDK whose directory STRATA_TEST_JDK names, else the system's.
std::optional<std::string> find_tool(const std::string& name) {
  if (const char* const jdk = std::getenv("STRATA_TEST_JDK")) {
    return fmt::format("{}/bin/{}", jdk, name);
  }
  return find_program(name);
}

class Jvm : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    java_ = find_tool("java");
    jcmd_ = find_tool("jcmd");
    const auto javac = find_tool("javac");
    if (!java_ || !jcmd_ || !javac) GTEST_SKIP() << "java, javac and jcmd are not all installed";
    scratch_.write("Holder.java", kProgram);
    ASSERT_TRUE(scratch_.run(fmt::format("'{}' Holder.java", *javac)));
  }
  std::vector<std::string> command() const {
    return {*java_, "-Xmx256m",      GetParam(), "-XX:NativeMemoryTracking=detail",
            "-cp",  scratch_.path(), "Holder"};
  }
  std::optional<std::string> java_;
  std::optional<std::string> jcmd_;
  Scratch scratch_;
};

TEST_P(Jvm, ClaimsAreWhatNativeMemoryTrackingLists) {
  const auto standing = stand(command(), survey_jvm);
  ASSERT_NE(standing, nullptr);
  const auto& [specimen, sight, survey] = *standing;
  expect_no_notes(survey);
  const std::vector<Tracked> tracked = ask_vm(*jcmd_, specimen.pid());
  ASSERT_GT(tracked.size(), 8u);

  // All that the VM reserved for these is claimed.
  for (const Tracked& region : tracked) {
    const bool known = region.purpose == "Java Heap" || region.purpose == "Code" ||
                       region.purpose == "Metaspace" || region.purpose == "Class";
    if (!known) continue;
    Bytes claimed;
    for (const Claim& claim : survey.claims) {
      claimed += intersection(claim.range, region.range).size();
    }
    EXPECT_EQ(claimed, region.range.size())
        << region.purpose << fmt::format(" at {:#x}", region.range.start.value);
  }
  // And nothing is claimed that the VM did not reserve, or reserved for its threads.
  for (const Claim& claim : survey.claims) {
    Bytes reserved;
    for (const Tracked& region : tracked) {
      if (region.purpose == "Thread Stack") continue;
      reserved += intersection(claim.range, region.range).size();
    }
    EXPECT_EQ(reserved, claim.range.size())
        << sight->path_of(claim.account) << fmt::format(" at {:#x}", claim.range.start.value);
  }
}

TEST_P(Jvm, LiesEndInAnAnswer) {
  const auto standing = stand(command(), survey_jvm);
  ASSERT_NE(standing, nullptr);
  expect_answers_to_lies(*standing->sight, survey_jvm, 10);
}

INSTANTIATE_TEST_SUITE_P(Collectors, Jvm,
                         ::testing::Values("-XX:+UseG1GC", "-XX:+UseSerialGC",
                                           "-XX:+UseParallelGC"),
                         [](const auto& given) { return std::string(given.param).substr(8); });

TEST(JvmAbsent, AProgramWithoutAVmCostsNothing) { expect_nothing_here(survey_jvm); }

}  // namespace
}  // namespace strata
