// Super pages as Chromium's malloc lays them out, in memory of this process.
#include <gtest/gtest.h>

#include <cstring>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/own_memory.h"
#include "inspect/heap/partitionalloc_layout.h"
#include "inspect/heap/runtime_specimen.h"

namespace strata {
namespace {

constexpr Bytes kPool = 1_GiB;
constexpr Bytes kBeside{kPaMetadataInSuperPage};

/// One super page with three spans: of two pages with a free list, of one that is full, and an
/// empty one.
class Pool {
 public:
  explicit Pool(Bytes super_page = 4_MiB) : super_page_(super_page) {
    root_[3] = pool_.range().start.value;
    root_[4] = ~(kPool.value - 1);
    root_[1800] = ~address(root_);
    pool_.open(super_page_ + kPaPartitionPage, 64_KiB);
    std::memset(pool_.word(super_page_ + kPaPartitionPage), 1, (64_KiB).value);
  }
  bool is_there() const { return pool_.is_there() && apart_.is_there(); }
  Address super_page() const { return pool_.at(super_page_); }
  std::uint64_t* root() { return root_; }
  const OwnMemory& memory() const { return pool_; }

  void put_metadata_beside() {
    pool_.open(super_page_ + kBeside, kPaMetadata);
    fill(pool_.word(super_page_ + kBeside));
  }
  void put_metadata_apart() {
    const Bytes offset = super_page_ + 12_KiB;
    apart_.open(offset, kPaMetadata);
    root_[19] = apart_.at(offset).value - super_page().value;
    fill(apart_.word(offset));
  }
  PaPage* metadata() { return metadata_; }

 private:
  static std::uint64_t address(const void* at) { return reinterpret_cast<std::uint64_t>(at); }

  void fill(std::uint64_t* at) {
    at[0] = address(root_);
    metadata_ = reinterpret_cast<PaPage*>(at);
    const std::uint64_t bucket = address(root_ + 100);
    const Address first = super_page() + kPaPartitionPage;
    metadata_[1] = {first.value + 512, 0, bucket, 5, 0, 0x40, 0};
    metadata_[2] = {0, 0, 0, 0, 0, 0x41, 0};
    metadata_[3] = {0, 0, bucket + 32, 7, 0, 0x40, 0};
    metadata_[4] = {0, 0, bucket + 64, 0, 0, 0x40, 0};
  }

  Bytes super_page_;
  OwnMemory pool_{kPool, kPool};
  OwnMemory apart_{kPool, 2_MiB};
  alignas(8) std::uint64_t root_[2048] = {};
  PaPage* metadata_ = nullptr;
};

struct Found {
  std::unique_ptr<Sight> sight = Sight::open(::getpid());
  HeapSurvey survey = survey_partitionalloc(sight->scene());

  Bytes under(std::string_view name) const {
    return sight->claimed(survey, "PartitionAlloc/" + std::string(name));
  }
};

void expect_whole(const Found& found, const Pool& pool) {
  expect_no_notes(found.survey);
  EXPECT_EQ(found.under("slot spans"), 48_KiB);
  EXPECT_EQ(found.under("empty slot spans"), 16_KiB);
  EXPECT_EQ(found.under("metadata"), kPaMetadata);
  EXPECT_EQ(found.under("pools"), kPool);
  for (const Claim& claim : found.survey.claims) {
    if (claim.rank == Rank::kRuntimeRegion) EXPECT_EQ(claim.range, pool.memory().range());
  }
}

TEST(PartitionAlloc, MetadataBesideItsSuperPageIsRead) {
  Pool pool;
  ASSERT_TRUE(pool.is_there());
  pool.put_metadata_beside();
  expect_whole(Found(), pool);
}

TEST(PartitionAlloc, MetadataApartFromThePoolIsRead) {
  Pool pool;
  ASSERT_TRUE(pool.is_there());
  pool.put_metadata_apart();
  expect_whole(Found(), pool);
}

TEST(PartitionAlloc, ADirectMapIsClaimedAsFarAsItGoes) {
  Pool pool;
  ASSERT_TRUE(pool.is_there());
  pool.put_metadata_beside();
  PaPage* const pages = pool.metadata();
  std::memset(pages + 1, 0, 4 * sizeof(PaPage));
  pages[1] = {0, 0, reinterpret_cast<std::uint64_t>(pages + 3), 1, 0, 0x40, 0};
  const Found found;
  EXPECT_EQ(found.under("direct maps"), 64_KiB);
  EXPECT_EQ(found.under("slot spans"), 0_B);
}

TEST(PartitionAlloc, WithoutTheInvertedAddressNothingIsClaimed) {
  Pool pool;
  ASSERT_TRUE(pool.is_there());
  pool.put_metadata_beside();
  pool.root()[1800] = 0;
  EXPECT_TRUE(Found().survey.claims.empty());
}

TEST(PartitionAlloc, AFreeListThatLeadsElsewhereIsNoProof) {
  Pool pool;
  ASSERT_TRUE(pool.is_there());
  pool.put_metadata_beside();
  pool.metadata()[1].freelist_head += (1_MiB).value;
  EXPECT_TRUE(Found().survey.claims.empty());
}

TEST(PartitionAlloc, LiesEndInAnAnswer) {
  Pool pool;
  ASSERT_TRUE(pool.is_there());
  pool.put_metadata_apart();
  expect_answers_to_lies(*Sight::open(::getpid()), survey_partitionalloc);
}

TEST(PartitionAlloc, AProgramWithoutItCostsNextToNothing) {
  const Found found;
  EXPECT_TRUE(found.survey.claims.empty());
  EXPECT_TRUE(found.survey.notes.empty());
  // A sanitizer's shadow is a large reservation too, and is looked at.
  EXPECT_LE(found.survey.bytes_read, 64_KiB);
}

}  // namespace
}  // namespace strata
