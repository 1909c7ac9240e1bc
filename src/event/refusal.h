#pragma once
// What one denial, or one limit that was met, means to people: what was refused, how often, what
// refused it, and the one flag that would allow it; and what a connection that was allowed failed
// of. Pure;
// text from inside is as it came, so whoever prints it makes it safe. Who calls: the views of the
// journal, `ambit why`, and supervise for what the agent can read inside.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "event/event.h"

namespace ambit::event {

/// How `from` of a limit ends when it is a bound: one that no flag gets over. Until the project's
/// file is trusted it only takes away; the managed policy does so for good.
inline constexpr std::string_view kNotTrusted = " (not trusted)";
inline constexpr std::string_view kManaged = " (managed)";

struct Refusal {
  std::string what;       // "a connection to port 5432"
  std::string rule;       // "no rule names it"
  std::string way;        // "--host-port 5432"; empty: none that this alone can tell
  std::string path = {};  // that it is about: the run's plan can tell more
  std::string host = {};  // the same, with a port unless it is a name alone
  std::optional<std::uint16_t> port = {};
  std::uint64_t times = 1;  // more: the repeats of one that was told before them
};

/// "a connection to port 5432 (4 times)".
std::string WithTimes(std::string_view what, std::uint64_t times);

/// The same for all refusals that are of one kind.
std::string KeyOf(const Refusal& refusal);

/// Of a `denial`, `limit.warning`, `limit.reached` or `limit.held`; nullopt for any other event.
std::optional<Refusal> RefusalOf(std::string_view event, std::span<const Field> fields);

/// What no rule refused and came to nothing all the same.
struct Failure {
  std::string what;  // "a connection to example.com port 443"
  std::string why;   // "nobody serves it there (Connection refused)"
  std::uint64_t times = 1;
};

/// Of an `egress.connect` that failed, or that ended in a reset before an answer came, of a
/// `publish.connect` that failed, and of a `denial` of a name that leads nowhere; nullopt for any
/// other event.
std::optional<Failure> FailureOf(std::string_view event, std::span<const Field> fields);

/// Whether the event tells that something was refused: a denial, or a limit that was reached or
/// held.
bool IsRefused(std::string_view event);

}  // namespace ambit::event
