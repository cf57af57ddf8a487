// cli/common.h - what commands have in common: shared options, and showing a document.
#pragma once

#include <chrono>
#include <optional>

#include "base/result.h"
#include "cli/command.h"
#include "inspect/ledger/explanation.h"
#include "present/document.h"

namespace strata {

inline constexpr Argument kTargetArgument = {"TARGET", "a PID, a process's name, or a core file"};
inline constexpr Option kJsonOption = {"--json", "", "print JSON (docs/json.md) instead of text"};
inline constexpr Option kFreezeOption = {
    "--freeze", "",
    "stop all threads while reading, so that the sum is of one moment. A target blocked in "
    "epoll_wait, semop or recv with a timeout may see that call return EINTR"};
inline constexpr Option kFreezeLimitOption = {
    "--freeze-limit", "TIME", "let go after so long whatever happens: 200ms, 2s (default 1s)"};

/// Hexadecimal, with or without 0x.
Result<Address> parse_address(const std::string& text);
/// "4096", "64K", "10M", "2G": a number of bytes, for the option that is named.
Result<Bytes> parse_bytes(std::string_view option, const std::string& text);
/// "200ms", "2s".
Result<std::chrono::microseconds> parse_freeze_limit(const std::string& text);

/// The limit where --freeze was given; kUsage for a time that is none.
Result<std::optional<std::chrono::microseconds>> freeze_limit_of(const Invocation& invocation);

/// Opens the TARGET that was named first and explains it; kUsage where a core is to be frozen,
/// which stands still by itself. Fills in `options` what --freeze and --freeze-limit say.
Result<Explanation> explain_target(const Invocation& invocation, ExplainOptions options);

/// Prints the document to standard output, as text or, with --json, as JSON.
Result<void> show(const Document& document, const Invocation& invocation);

}  // namespace strata
