#include <array>

#include "cli/command.h"

namespace strata {

extern const Command kExplain;
extern const Command kHeap;
extern const Command kLeaks;
extern const Command kMap;
extern const Command kPage;
extern const Command kProfile;
extern const Command kRun;

namespace {

constexpr std::array kCommands = {&kExplain, &kHeap, &kLeaks, &kMap, &kPage, &kProfile, &kRun};

}  // namespace

std::span<const Command* const> commands() { return kCommands; }

}  // namespace strata
