#include "present/arena_blocks.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "inspect/ledger/findings/made_heap.h"
#include "present/json.h"
#include "present/text.h"

namespace strata {
namespace {

using Json = nlohmann::json;

void name_thread(MadeExplanation& e, pid_t tid, std::string name) {
  Thread thread;
  thread.tid = tid;
  thread.name = std::move(name);
  e->space.threads.push_back(thread);
}

/// Two arenas, the second one of three threads.
void add_arenas(MadeExplanation& e) {
  glibc::Contents& contents =
      add_glibc(e, {{.live = 1_MiB, .threads = {7}}, {.live = 2_MiB, .threads = {13, 12, 11}}});
  contents.heap.arenas[0].attached = 1;
  contents.heap.arenas[1].attached = 3;
  contents.heap.caches.push_back({Address{0x1000}, 12, {3, 96_B}});
  contents.heap.caches.push_back({Address{0x2000}, 13, {}});
  name_thread(e, 7, "main");
  name_thread(e, 11, "");
  name_thread(e, 12, "wor\nker");
}

std::string text_of(MadeExplanation& e, const HeapView& how = {}) {
  return to_text(view(*e, how), {});
}

TEST(ArenaBlocks, NameTheThreadsOfEach) {
  MadeExplanation e;
  add_arenas(e);
  const std::string text = text_of(e);
  const auto other = text.find("  arena 1     (11), wor\\nker (12), (13)\n");
  const auto main = text.find("  main arena  main (7)\n");
  EXPECT_NE(other, std::string::npos) << text;
  EXPECT_NE(main, std::string::npos) << text;
  EXPECT_LT(other, main) << "sorted as the arenas are, by what is resident";
  HeapView how;
  how.arena = 0;
  EXPECT_EQ(text_of(e, how).find("(11)"), std::string::npos);
}

TEST(ArenaBlocks, SayWhereAnArenaCountsOtherThreadsThanAreSeen) {
  MadeExplanation e;
  add_arenas(e);
  e->glibc->heap.arenas[0].attached = 3;
  e->glibc->heap.arenas[1].threads.clear();
  const std::string text = text_of(e);
  EXPECT_NE(text.find("  main arena  main (7); it counts 3\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("\n  arena 1 "), std::string::npos) << text;
  e->glibc->heap.arenas[0].threads.clear();
  EXPECT_EQ(text_of(e).find("Threads"), std::string::npos) << "no block for none";
}

TEST(ArenaBlocks, CutWhatIsLongAndCountIt) {
  MadeExplanation e;
  std::vector<MadeArena> arenas;
  pid_t tid = 0;
  for (int i = 0; i < 40; ++i) {
    MadeArena arena{.live = 1_MiB};
    for (int n = 0; n < 25; ++n) arena.threads.push_back(++tid);
    arenas.push_back(arena);
  }
  for (pid_t t = 1; t <= tid; ++t) name_thread(e, t, "worker");
  glibc::Contents& contents = add_glibc(e, arenas);
  for (glibc::Arena& arena : contents.heap.arenas) arena.attached = 25;
  const std::string text = text_of(e);
  EXPECT_NE(text.find("  main arena  worker (1), worker (2), worker (3) and 22 more\n"),
            std::string::npos)
      << text;
  std::size_t named = 0;
  for (auto at = text.find("worker ("); at != text.npos; at = text.find("worker (", at + 1)) {
    ++named;
  }
  EXPECT_EQ(named, 3u * 16);
  EXPECT_NE(text.find("  and of 24 arenas more; --arena N names those of one\n"), std::string::npos)
      << text;
  HeapView how;
  how.arena = 39;
  EXPECT_NE(text_of(e, how).find("worker (1000)"), std::string::npos);
  const Json json = Json::parse(to_json(view(*e, {})));
  EXPECT_EQ(json["arenas"][39]["threads"].size(), 25u);
}

TEST(ArenaBlocks, HaveAllNamesInJson) {
  MadeExplanation e;
  add_arenas(e);
  const Json json = Json::parse(to_json(view(*e, {})));
  const Json& threads = json["arenas"][1]["threads"];
  EXPECT_EQ(threads[0], Json({{"tid", 11}, {"name", nullptr}}));
  EXPECT_EQ(threads[1], Json({{"tid", 12}, {"name", "wor\\nker"}}));
  EXPECT_EQ(threads[2], Json({{"tid", 13}, {"name", nullptr}})) << "ended meanwhile";
  const Json& caches = json["tcache"]["threads"];
  EXPECT_EQ(caches[0]["name"], "wor\\nker");
  EXPECT_EQ(caches[0]["tid"], 12);
  EXPECT_EQ(caches[1]["name"], nullptr);
}

}  // namespace
}  // namespace strata
