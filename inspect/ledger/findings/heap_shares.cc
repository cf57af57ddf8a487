#include "inspect/ledger/findings/heap_shares.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/humanised.h"
#include "base/printable.h"

namespace strata {

Bytes resident_at_least(Bytes part, Bytes whole, Bytes resident_of_whole) {
  return saturating_sub(std::min(part, whole), saturating_sub(whole, resident_of_whole));
}

std::string listed_arenas(const HeapFigures& heap, Bytes (*figure)(const ArenaFigures&),
                          std::size_t most) {
  std::vector<const ArenaFigures*> arenas;
  for (const ArenaFigures& f : heap.arenas) {
    if (figure(f) > 0_B) arenas.push_back(&f);
  }
  std::stable_sort(arenas.begin(), arenas.end(), [&](const ArenaFigures* a, const ArenaFigures* b) {
    return figure(*a) > figure(*b);
  });
  std::string list;
  for (std::size_t i = 0; i < std::min(most, arenas.size()); ++i) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", arenas[i]->name,
                        humanised(figure(*arenas[i])));
  }
  return list;
}

std::string listed_threads(const Explanation& e, const std::vector<pid_t>& tids, std::size_t most) {
  std::string list;
  const std::size_t named = std::min(tids.size(), most);
  for (std::size_t i = 0; i < named; ++i) {
    std::string name;
    for (const Thread& thread : e.space.threads) {
      if (thread.tid == tids[i]) name = printable(thread.name);
    }
    list += fmt::format("{}{}{}({})", i == 0 ? "" : ", ", name, name.empty() ? "" : " ", tids[i]);
  }
  if (named < tids.size()) list += fmt::format(" and {} more", tids.size() - named);
  return list;
}

}  // namespace strata
