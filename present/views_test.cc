// The three views of one made-up target: text and JSON say the same, and names cannot do harm.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "present/explain_view.h"
#include "present/json.h"
#include "present/map_view.h"
#include "present/page_view.h"
#include "present/text.h"

namespace strata {
namespace {

using Json = nlohmann::json;

constexpr const char* kHostile = "\x1b[2Jevil\n\xff";

Mapping mapping(std::uint64_t start, std::uint64_t end, std::string name, std::uint64_t inode = 0) {
  Mapping m;
  m.range = {Address{start}, Address{end}};
  m.readable = m.writable = true;
  m.name = std::move(name);
  m.inode = inode;
  return m;
}

Explanation made_up() {
  Explanation e;
  e.identity.pid = 42;
  e.identity.name = kHostile;
  e.identity.command_line = kHostile;
  Chart& chart = e.ledger.chart();
  const AccountId accounts[] = {chart.open({"heap", "brk area"}),
                                chart.open({"mapped", "files", kHostile}),
                                chart.open({"unexplained"})};
  const char* const names[] = {"[heap]", kHostile, ""};
  PageFlags present;
  present.set(PageFlag::kPresent);
  for (std::uint64_t i = 0; i < 3; ++i) {
    e.space.mappings.push_back(
        mapping(0x1000 + 0x10000 * i, 0x5000 + 0x10000 * i, names[i], i % 2));
    const Range range = e.space.mappings[i].range;
    const Claim piece{range, accounts[i], chart.because(kHostile), Rank::kMapping};
    e.ledger.book_mapped(piece);
    const Range touched{range.start, range.start + page_size() * (i + 1)};
    e.ledger.book_pages(piece, touched, present);
    e.mappings.push_back({e.ledger.own(accounts[i]), accounts[i], piece.evidence});
    e.runs.push_back({touched, present});
  }
  e.space.threads.resize(1);
  e.moment.resident_before = e.moment.resident_after = page_size() * 6;
  e.moment.after.virtual_size = 48_KiB;
  e.reconciliation = {page_size() * 6, page_size() * 6, 0, 0, ""};
  e.witnesses = {{"VmRSS after", page_size() * 6, true, ""}, {"smaps", std::nullopt, true, "none"}};
  e.notes = {"something was not seen"};
  return e;
}

void expect_harmless(const Document& d) {
  TextStyle style;
  for (const int width : {40, 80, 200}) {
    style.width = width;
    const std::string text = to_text(d, style);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\xff'), std::string::npos);
    EXPECT_NE(text.find("\\x1B[2Jevil\\n\\xFF"), std::string::npos);
  }
  EXPECT_TRUE(Json::accept(to_json(d)));
}

TEST(ExplainView, SaysTheSameInTextAndJson) {
  const Document d = view(made_up(), {}, {});
  expect_harmless(d);
  const Json j = Json::parse(to_json(d));
  EXPECT_EQ(j["schema"], "strata.explain/1");
  EXPECT_EQ(j["resident_bytes"], page_size().value * 6);
  EXPECT_EQ(j["target"]["pid"], 42);
  EXPECT_EQ(j["reconciliation"]["remainder_bytes"], 0);
  EXPECT_EQ(j["reconciliation"]["cause"], nullptr);
  std::uint64_t leaves = 0;
  for (const Json& leaf : j["accounts"]) leaves += leaf["resident_bytes"].get<std::uint64_t>();
  EXPECT_EQ(leaves, page_size().value * 6);
  EXPECT_EQ(j["unexplained"].size(), 1u);
  EXPECT_EQ(j["witnesses"][1]["value_bytes"], nullptr);
  const std::string text = to_text(d, TextStyle{});
  EXPECT_NE(text.find("24.0 KiB resident of 48.0 KiB mapped, 1 thread"), std::string::npos) << text;
  EXPECT_NE(text.find("something was not seen"), std::string::npos);
  EXPECT_NE(text.find("to the byte"), std::string::npos);
}

TEST(ExplainView, OfACoreSaysNullOfWhatOnlyAKernelKnows) {
  Explanation e = made_up();
  e.identity.kind = TargetKind::kCore;
  const Json j = Json::parse(to_json(view(e, {}, {})));
  EXPECT_EQ(j["beside"].size(), 10u);
  for (const auto& [key, value] : j["beside"].items()) {
    EXPECT_EQ(value.is_null(), key != "untouched_bytes") << key;
  }
}

TEST(ExplainView, NamesAMissingMeansOnlyWhereItIsMissed) {
  Explanation e = made_up();
  e.notes.clear();
  e.means.missing = {{"pfn", "frames want root"}};
  EXPECT_EQ(Json::parse(to_json(view(e, {}, {})))["notes"], Json::array());
  EXPECT_EQ(to_text(view(e, {}, {}), TextStyle{}).find("Not seen"), std::string::npos);
  e.kinship.relatives.push_back({7, "worker", Relation::kChild});
  EXPECT_NE(to_text(view(e, {}, {}), TextStyle{}).find("page by page: frames want root"),
            std::string::npos);
}

TEST(ExplainView, NamesARemainderAndItsCause) {
  Explanation e = made_up();
  e.reconciliation.remainder = -8192;
  e.reconciliation.drift = 4096;
  e.reconciliation.cause = "it moved";
  const std::string text = to_text(view(e, {}, {}), TextStyle{});
  EXPECT_NE(text.find("8.0 KiB less than VmRSS: it moved"), std::string::npos) << text;
  EXPECT_EQ(text.find("to the byte"), std::string::npos);
}

TEST(ExplainView, ShowsAFindingWithWhatToDo) {
  const Finding f{"some-rule", 5_MiB, "five were seen", "do this", "saves 5 MiB"};
  const Document d = view(made_up(), {f}, {});
  const std::string text = to_text(d, TextStyle{});
  for (const char* part : {"5.0 MiB  five were seen", "do: do this", "saves: saves 5 MiB"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  const Json j = Json::parse(to_json(d));
  EXPECT_EQ(j["findings"][0]["id"], "some-rule");
  EXPECT_EQ(j["findings"][0]["bytes"], 5u << 20);
}

TEST(MapView, ListsSortsAndFilters) {
  const Explanation e = made_up();
  expect_harmless(view(e, MapView{}));
  const auto starts = [&](const MapView& how) {
    std::string out;
    const Json j = Json::parse(to_json(view(e, how)));
    for (const Json& m : j["mappings"]) {
      out += m["start"].get<std::string>() + " ";
    }
    return out;
  };
  MapView how;
  EXPECT_EQ(starts(how), "0x1000 0x11000 0x21000 ");
  how.sort = MapView::Sort::kResident;
  EXPECT_EQ(starts(how), "0x21000 0x11000 0x1000 ");
  how.filter = "heap";
  EXPECT_EQ(starts(how), "0x1000 ");
  how.filter = "rw-p";
  EXPECT_EQ(starts(how), "0x21000 0x11000 0x1000 ");
  how.filter = "no such thing";
  const Document none = view(e, how);
  EXPECT_EQ(Json::parse(to_json(none))["mappings"].size(), 0u);
  EXPECT_NE(to_text(none, TextStyle{}).find("0 shown that match"), std::string::npos);
}

TEST(MapView, TotalsAreHeldAgainstTheKernelsOnlyWhereAllIsShown) {
  const Explanation e = made_up();
  MapView how;
  EXPECT_NE(
      to_text(view(e, how), TextStyle{}).find("VmSize 48.0 KiB (equal), VmRSS 24.0 KiB (equal)"),
      std::string::npos);
  how.filter = "heap";
  EXPECT_EQ(to_text(view(e, how), TextStyle{}).find("VmSize"), std::string::npos);
  const Json j = Json::parse(to_json(view(e, MapView{})));
  EXPECT_EQ(j["totals"]["resident_bytes"], page_size().value * 6);
}

TEST(MapView, ASumThatDiffersIsSaidWithItsCauseAndTheWayOut) {
  Explanation e = made_up();
  e.moment.before.virtual_size = 40_KiB;
  e.moment.after.virtual_size = 52_KiB;
  e.moment.resident_after = page_size() * 5;
  e.reconciliation = {page_size() * 6, page_size() * 5, 4096, -4096, "it moved"};
  TextStyle style;
  style.width = 200;
  const std::string text = to_text(view(e, MapView{}), style);
  for (const char* part :
       {"VmSize 52.0 KiB (differs)", "VmSize differs by 4.0 KiB: the target mapped and unmapped",
        "VmRSS differs by 4.0 KiB: it moved", "VmRSS shrank by 4.0 KiB", "--freeze"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  const Json totals = Json::parse(to_json(view(e, MapView{})))["totals"];
  EXPECT_EQ(totals["cause"], "it moved");
  EXPECT_EQ(totals["drift_bytes"], -4096);
  e.moment.frozen = true;
  EXPECT_EQ(to_text(view(e, MapView{}), style).find("--freeze"), std::string::npos);
  EXPECT_EQ(to_text(view(made_up(), MapView{}), style).find("--freeze"), std::string::npos);
}

TEST(MapView, OfSomeMappingsHoldsNothingAgainstTheWholeProcesssCounters) {
  MapView how;
  how.filter = "heap";
  const Json totals = Json::parse(to_json(view(made_up(), how)))["totals"];
  EXPECT_EQ(totals["resident_bytes"], page_size().value);
  for (const char* key : {"vmsize_bytes", "vmrss_bytes", "drift_bytes", "cause"}) {
    EXPECT_EQ(totals[key], nullptr) << key;
  }
  EXPECT_EQ(Json::parse(to_json(view(made_up(), {})))["totals"]["vmrss_bytes"],
            page_size().value * 6);
}

TEST(MapView, ShowsRunsOfPagesWhereAsked) {
  MapView how;
  EXPECT_FALSE(Json::parse(to_json(view(made_up(), how))).contains("pages"));
  how.pages = MapView::Pages::kShow;
  how.filter = "heap";
  const Json j = Json::parse(to_json(view(made_up(), how)));
  ASSERT_EQ(j["pages"].size(), 1u);
  EXPECT_EQ(j["pages"][0]["bytes"], page_size().value);
  EXPECT_EQ(j["pages"][0]["state"], "present anonymous");
}

TEST(PageView, SaysWhatIsThere) {
  Place p;
  p.identity.name = kHostile;
  p.address = Address{0x1234};
  p.mapping = mapping(0x1000, 0x5000, kHostile, 7);
  p.layers = {{{"mapped", kHostile}, p.mapping.range, kHostile}};
  p.symbol = SymbolAt{{kHostile, {Address{0x1230}, Address{0x1240}}}, SymbolAt::Relation::kCovers};
  p.module.emplace().name = kHostile;
  p.walk = walk_of(p.address, 4, 4_KiB);
  p.frame.emplace();
  p.frame->flags.set(PageFlag::kPresent);
  p.frame->number = 0xabc;
  p.frame->map_count = 1;
  p.frame->kernel_flags = {"LRU", "ANON"};
  for (int i = 0; i < 20; ++i) p.content.push_back(static_cast<std::byte>(i == 0 ? 0x1b : 'a' + i));
  const Document d = view(p);
  expect_harmless(d);
  const std::string text = to_text(d, TextStyle{});
  EXPECT_NE(text.find("0x1234"), std::string::npos);
  EXPECT_NE(text.find("+ 4"), std::string::npos);
  EXPECT_NE(text.find("1 page table entry"), std::string::npos);
  EXPECT_NE(text.find("0xabc  LRU ANON"), std::string::npos);
  EXPECT_NE(text.find(".bcdefg"), std::string::npos);
  const Json j = Json::parse(to_json(d));
  EXPECT_EQ(j["page"]["frame"], "0xabc");
  EXPECT_EQ(j["page"]["present"], true);
  EXPECT_EQ(j["space"]["symbol_offset"], 4);
  EXPECT_EQ(j["content"]["hex"].get<std::string>().substr(0, 5), "1b 62");
  EXPECT_EQ(j["content"]["hex"].get<std::string>().size(), 20u * 3 - 1);
}

TEST(PageView, NamesNoSymbolThatDoesNotHoldTheAddress) {
  Place p;
  p.mapping = mapping(0x1000, 0x5000, "/lib/a.so", 7);
  p.address = Address{0x1234};
  p.module.emplace().name = "a.so";
  p.symbol =
      SymbolAt{{"early", {Address{0x1200}, Address{0x1208}}}, SymbolAt::Relation::kEndsBefore};
  std::string text = to_text(view(p), TextStyle{});
  EXPECT_NE(text.find("none; it lies after early, which ends 44 bytes before"), std::string::npos);
  EXPECT_EQ(text.find("early +"), std::string::npos);
  Json space = Json::parse(to_json(view(p)))["space"];
  for (const char* key : {"symbol", "symbol_offset", "symbol_size_bytes"}) {
    EXPECT_EQ(space[key], nullptr) << key;
  }
  EXPECT_EQ(space["symbol_before"], "early");
  EXPECT_EQ(space["symbol_before_end"], "0x1208");
  p.symbol = SymbolAt{{"label", {Address{0x1230}, Address{0x1230}}}, SymbolAt::Relation::kLabel};
  text = to_text(view(p), TextStyle{});
  EXPECT_NE(text.find("label + 4, a label"), std::string::npos);
  space = Json::parse(to_json(view(p)))["space"];
  EXPECT_EQ(space["symbol"], "label");
  EXPECT_EQ(space["symbol_size_bytes"], 0);
  EXPECT_EQ(space["symbol_before"], nullptr);
}

TEST(PageView, LinesUpItsLabelsAndItsDump) {
  Place p;
  p.mapping = mapping(0x1000, 0x5000, "/lib/a.so", 7);
  p.address = Address{0x7f0000001234};
  p.module.emplace().name = "a.so";
  p.frame.emplace();
  p.frame->hidden = {"a sentence that is so long that it does not fit on one line of a terminal"};
  p.content.resize(48, std::byte{'x'});
  TextStyle style;
  style.width = 80;
  const std::string text = to_text(view(p), style);
  for (const char* line :
       {"\n  mapping    ", "\n  module     ", "\n  page       ", "\n  hidden     a sentence",
        "\n             ", "\n  7f0000001234  ", "\n  7f0000001244  ", "\n  7f0000001254  "}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in" << text;
  }
  EXPECT_EQ(text.find("\n    "), text.find("\n             "));
  // A hidden walk is no walk.
  EXPECT_EQ(text.find("walk"), std::string::npos);
  EXPECT_EQ(Json::parse(to_json(view(p)))["page"]["walk"], nullptr);
}

TEST(PageView, OfACoreSaysThatNoPageIsKnown) {
  Place p;
  p.mapping = mapping(0x1000, 0x5000, "[heap]");
  p.address = Address{0x2000};
  const std::string text = to_text(view(p), TextStyle{});
  EXPECT_NE(text.find("a core file holds no page tables"), std::string::npos);
  EXPECT_TRUE(Json::accept(to_json(view(p))));
}

}  // namespace
}  // namespace strata
