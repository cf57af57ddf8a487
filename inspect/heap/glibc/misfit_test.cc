// A C library whose malloc is none that is known, or that nobody uses.
#include "inspect/heap/glibc/misfit.h"

#include <gtest/gtest.h>

#include "inspect/heap/glibc/heap_fake.h"

namespace strata::glibc {
namespace {

struct Read {
  bool has_heap;
  std::vector<std::string> misfits;

  std::string text() const { return misfits.empty() ? "no misfit" : misfits.front(); }
};

Read read(HeapFake& fake) {
  Chart chart;
  const PresentMemory memory(fake.memory, nullptr);
  const HeapScene scene{fake.space, memory, chart};
  const AnonymousMemory anonymous(fake.space);
  Peek peek(scene);
  Read read;
  read.has_heap = read_heap(peek, scene, anonymous, &read.misfits).has_value();
  return read;
}

class GlibcMisfit : public testing::TestWithParam<HeapFake::Build> {
 protected:
  HeapFake fake{GetParam()};
  const Address bins = fake.main_arena + fake.layout().bins;

  /// From `from` on.
  void set_to_zero(Address from, Bytes size) {
    for (Bytes at; at < size; at += 8_B) fake.word(from + at) = 0;
  }
  void shift_bins(Bytes by) {
    for (Bytes at; at < Layout::kBinBytes; at += 8_B) fake.word(bins + at) += by.value;
  }
  void expect_misfit(const std::string& what) {
    const Read seen = read(fake);
    EXPECT_FALSE(seen.has_heap);
    ASSERT_EQ(seen.misfits.size(), 1u);
    EXPECT_NE(seen.text().find(what), std::string::npos) << seen.text();
    EXPECT_TRUE(seen.text().starts_with("glibc's malloc in libc.so.6 ")) << seen.text();
    EXPECT_EQ(misfit_among({"another note", seen.text()})->find("glibc's malloc"), 0u);
  }
};
INSTANTIATE_TEST_SUITE_P(Builds, GlibcMisfit,
                         testing::Values(HeapFake::Build::kOld, HeapFake::Build::kNew));

TEST_P(GlibcMisfit, AWholeHeapIsNone) {
  const Read seen = read(fake);
  EXPECT_TRUE(seen.has_heap);
  EXPECT_TRUE(seen.misfits.empty()) << seen.text();
  EXPECT_EQ(misfit_among({"another note"}), nullptr);
}

TEST_P(GlibcMisfit, ShiftedBinsAreCounted) {
  shift_bins(32_B);
  // Three bins of the fake have chunks.
  expect_misfit(
      "0 of 127 bins link back to themselves and 124 lead 32 bytes behind where they must, the "
      "ring of arenas closes, the top lies in writable anonymous memory, malloc_par was found; "
      "nothing is told of its heap");
}

TEST_P(GlibcMisfit, ARingThatDoesNotCloseIsSaid) {
  fake.word(fake.main_arena + fake.layout().next()) = 0x1234;
  fake.word(fake.main_arena + fake.layout().top()) = 0x5678;
  expect_misfit(
      "127 of 127 bins link back to themselves, the ring of arenas does not close, the top does "
      "not lie in writable anonymous memory");
}

TEST_P(GlibcMisfit, WhereNothingIsLikeBinsThatIsSaid) {
  for (Bytes at; at < Layout::kBinBytes; at += 8_B) fake.word(bins + at) = at.value | 1;
  expect_misfit("nothing in its data links back to itself as bins do");
}

TEST_P(GlibcMisfit, AMallocThatNobodyCalledIsNone) {
  fake.word(fake.main_arena + fake.layout().next()) = fake.main_arena.value;
  fake.word(fake.main_arena + fake.layout().top()) = (bins - 16_B).value;
  for (Bytes at; at < Layout::kBinBytes; at += 8_B) {
    fake.word(bins + at) = (bins + Bytes{at.value / 16 * 16} - 16_B).value;
  }
  const Read initialised = read(fake);
  EXPECT_FALSE(initialised.has_heap);
  EXPECT_TRUE(initialised.misfits.empty()) << initialised.text();

  set_to_zero(fake.main_arena, fake.layout().next());
  const Read untouched = read(fake);
  EXPECT_FALSE(untouched.has_heap);
  EXPECT_TRUE(untouched.misfits.empty()) << untouched.text();
}

TEST_P(GlibcMisfit, DataThatIsNotThereIsSaid) {
  fake.memory.own_identity.kind = TargetKind::kCore;
  fake.memory.absent = {fake.kStatic, fake.kStatic + 4_KiB};
  expect_misfit("is not known: the C library's data is not in the file");
  fake.memory.own_identity.kind = TargetKind::kProcess;
  expect_misfit("is not known: the C library's data is not all in memory");
}

TEST_P(GlibcMisfit, OtherModulesAreNotAsked) {
  shift_bins(32_B);
  fake.space.modules.front().name = "libodd.so";
  const Read seen = read(fake);
  EXPECT_FALSE(seen.has_heap);
  EXPECT_TRUE(seen.misfits.empty()) << seen.text();
}

TEST_P(GlibcMisfit, AProgramWithoutLibrariesIsAsked) {
  fake.word(fake.main_arena + fake.layout().next()) = 0x1234;
  fake.word(fake.main_arena + fake.layout().top()) = 0x5678;
  fake.space.modules.front().name = "program";
  fake.space.modules.front().is_executable = true;
  const Read seen = read(fake);
  EXPECT_TRUE(seen.text().starts_with("glibc's malloc in program fits none of the layouts"))
      << seen.text();
}

}  // namespace
}  // namespace strata::glibc
