#include "event/refusal.h"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/text.h"

namespace ambit::event {
namespace {

const Value* Find(std::span<const Field> fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found != fields.end() ? &found->value : nullptr;
}

std::string Text(std::span<const Field> fields, std::string_view name) {
  const Value* value = Find(fields, name);
  const auto* text = value != nullptr ? std::get_if<std::string>(value) : nullptr;
  return text != nullptr ? *text : std::string();
}

std::optional<std::int64_t> Number(std::span<const Field> fields, std::string_view name) {
  const Value* value = Find(fields, name);
  const auto* number = value != nullptr ? std::get_if<std::int64_t>(value) : nullptr;
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

/// As supervise/egress_reports puts them on record.
constexpr std::string_view kLeadsToPrivate = "it leads to an address of a private network";
constexpr std::string_view kLeadsToLoopback = "it leads to this machine itself";
constexpr std::string_view kLeadsToOwn = "it leads to an address of this machine";

constexpr std::string_view kServerNameIsHidden = "the TLS server name is encrypted";
constexpr std::string_view kNobodyLooksInto = "HTTP/2 without TLS is spoken";

constexpr std::string_view kSaidNo = "a person said no";

/// A range that has the address and does not mean it says so behind this (policy/net_words.h), and
/// so does a question that nobody answered.
bool NamesNoRule(std::string_view rule) { return rule.starts_with("no rule names it"); }

/// The same, of names that were allowed and led nowhere.
constexpr std::string_view kNoSuchName = "there is no such name";
constexpr std::string_view kNoNameServer = "no name server answered";

/// As the help has it.
std::string_view ValueNameOf(std::string_view limit) {
  if (limit == "time" || limit == "idle" || limit == "cpu_time") return "DURATION";
  if (limit == "memory" || limit == "disk" || limit == "io" || limit == "net_out") return "SIZE";
  return "NUMBER";
}

/// The flag of `limits.cpu_time` is `--cpu-time DURATION`.
std::string FlagOf(std::string limit) {
  const std::string_view value = ValueNameOf(limit);
  std::ranges::replace(limit, '_', '-');
  return fmt::format("--{} {}", limit, value);
}

/// What gets over a limit that `from` has set.
std::string WayOver(const std::string& limit, std::string_view from) {
  if (limit.empty() || from.ends_with(kManaged)) return {};
  if (!from.ends_with(kNotTrusted)) return FlagOf(limit);
  return fmt::format("{}, once 'ambit trust' has trusted the project's file", FlagOf(limit));
}

std::string ConnectionTo(const std::string& host, std::int64_t port) {
  return host.empty() ? fmt::format("a connection to port {}", port)
                      : fmt::format("a connection to {} port {}", host, port);
}

std::string AllowFlag(const std::string& host, std::int64_t port) {
  const std::string target = host.contains(':') ? fmt::format("[{}]", host) : host;
  const bool web = port == 80 || port == 443;
  return web ? "--allow " + target : fmt::format("--allow {}:{}", target, port);
}

Refusal OfConnection(std::span<const Field> fields, std::int64_t port) {
  const std::string host = Text(fields, "host");
  Refusal refusal{.what = ConnectionTo(host, port),
                  .rule = Text(fields, "rule"),
                  .way = {},
                  .host = host,
                  .port = static_cast<std::uint16_t>(port)};
  const bool loopback = host.empty() || host == "::1" || host.starts_with("127.");
  if (loopback && NamesNoRule(refusal.rule)) {
    refusal.way = fmt::format("--host-port {}", port);
  } else if (NamesNoRule(refusal.rule) || (refusal.rule == kSaidNo && !host.empty())) {
    refusal.way = AllowFlag(host, port);
  } else if ((refusal.rule == kServerNameIsHidden || refusal.rule == kNobodyLooksInto) &&
             !host.empty()) {
    refusal.way = fmt::format(
        "--allow tcp://{}:{} in place of the rule for it; nothing is looked at "
        "there then",
        host, port);
  } else if (refusal.rule == kLeadsToPrivate || refusal.rule == kLeadsToOwn) {
    refusal.way = "--private " + host;
  } else if (refusal.rule == kLeadsToLoopback) {
    refusal.way = fmt::format("--private {}={}", host, Text(fields, "address"));
  }
  return refusal;
}

Refusal OfOneDenial(std::span<const Field> fields) {
  if (const auto port = Number(fields, "port")) return OfConnection(fields, *port);
  std::string what = Text(fields, "what");
  for (const char* object : {"path", "host", "call"}) {
    const std::string text = Text(fields, object);
    if (!text.empty()) what += (what.empty() ? "" : " ") + text;
  }
  const std::string host = Text(fields, "host");
  const bool unknown_name = Text(fields, "what") == "resolve" && !host.empty() &&
                            Text(fields, "rule") == "no rule names it";
  return {.what = what.empty() ? "something" : what,
          .rule = Text(fields, "rule"),
          .way = unknown_name ? "--allow " + host : "",
          .path = Text(fields, "path"),
          .host = host};
}

std::uint64_t TimesOf(std::span<const Field> fields) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(1, Number(fields, "count").value_or(1)));
}

Refusal OfDenial(std::span<const Field> fields) {
  Refusal refusal = OfOneDenial(fields);
  refusal.times = TimesOf(fields);
  return refusal;
}

/// Times are milliseconds, sizes bytes, processors thousandths; the rest is counted.
std::string Amount(std::string_view limit, std::int64_t value) {
  const auto number = static_cast<double>(value);
  if (limit == "time" || limit == "idle" || limit == "cpu_time") {
    return fmt::format("{:.1f} s", number / 1000);
  }
  if (limit == "cpus") return fmt::format("{:.1f}", number / 1000);
  if (limit == "memory" || limit == "disk" || limit == "net_out")
    return fmt::format("{:.1f} MiB", number / (1 << 20));
  return fmt::format("{}", value);
}

Refusal OfLimit(std::string_view event, std::span<const Field> fields) {
  const std::string limit = Text(fields, "limit");
  std::string rule = event == kLimitReached ? "its limit was reached"
                                            : "its limit was reached, and it was asked to end";
  const auto used = Number(fields, "used");
  const auto value = Number(fields, "value");
  if (used && value) {
    rule += fmt::format(" ({} of {})", Amount(limit, *used), Amount(limit, *value));
  }
  const std::string from = Text(fields, "from");
  if (!from.empty()) rule += ", set by " + from;
  return {.what = limit.empty() ? "something" : limit,
          .rule = std::move(rule),
          .way = WayOver(limit, from)};
}

/// Of memory processes that were killed, else forks that were refused.
Refusal OfHeldLimit(std::span<const Field> fields) {
  const std::string limit = Text(fields, "limit");
  const bool memory = limit == "memory";
  const auto count = static_cast<std::uint64_t>(Number(fields, "count").value_or(0));
  std::string rule =
      memory ? Count(count, "process") + " killed" : Count(count, "fork") + " refused";
  rule += fmt::format(" at the limit of {}", Amount(limit, Number(fields, "value").value_or(0)));
  const std::string from = Text(fields, "from");
  if (!from.empty()) rule += ", set by " + from;
  return {.what = memory ? "more memory" : "more processes",
          .rule = std::move(rule),
          .way = WayOver(limit, from)};
}

std::string WhyItFailed(int error) {
  std::string words = std::generic_category().message(error);
  switch (error) {
    case ECONNREFUSED:
      return fmt::format("nobody serves it there ({})", words);
    case ETIMEDOUT:
      return fmt::format("nobody answered ({})", words);
    case ENETUNREACH:
    case EHOSTUNREACH:
      return fmt::format("no way leads there ({})", words);
    case ECANCELED:
      return "the program gave up before anybody answered";
    default:
      return words;
  }
}

/// Of one that stood, its end; empty: there is nothing to tell. What ambit itself has cut off is a
/// denial, or a limit, and a program may leave as it likes.
std::string WhyItBroke(std::span<const Field> fields, int error) {
  const bool cut_off = error == EPROTO || error == EDQUOT || error == ECANCELED;
  if (error == 0 || cut_off || Number(fields, "bytes_from_host").value_or(0) > 0) return {};
  return fmt::format("it was reset before an answer came ({})",
                     std::generic_category().message(error));
}

std::optional<Failure> OfConnect(std::span<const Field> fields) {
  const std::string state = Text(fields, "state");
  const int error = static_cast<int>(Number(fields, "errno").value_or(0));
  const auto status = Number(fields, "proxy_status");
  Failure failure;
  if (state == "failed" && status) {
    failure.why = *status > 0 ? fmt::format("the host's proxy answered {}", *status)
                              : fmt::format("the host's proxy gave no tunnel ({})",
                                            std::generic_category().message(error));
  } else if (state == "failed") {
    failure.why = WhyItFailed(error);
  } else if (state == "closed") {
    failure.why = WhyItBroke(fields, error);
  }
  if (failure.why.empty()) return std::nullopt;
  const auto host_port = Number(fields, "host_port");
  failure.what = host_port ? fmt::format("a connection to the host's port {}", *host_port)
                           : ConnectionTo(Text(fields, "host"), Number(fields, "port").value_or(0));
  return failure;
}

/// The other way: to a server inside.
std::optional<Failure> OfPublishConnect(std::span<const Field> fields) {
  if (Text(fields, "state") != "failed") return std::nullopt;
  return Failure{.what = fmt::format("a connection from the host's port {} to port {} inside",
                                     Number(fields, "host_port").value_or(0),
                                     Number(fields, "port").value_or(0)),
                 .why = WhyItFailed(static_cast<int>(Number(fields, "errno").value_or(0)))};
}

}  // namespace

std::string WithTimes(std::string_view what, std::uint64_t times) {
  return times > 1 ? fmt::format("{} ({} times)", what, times) : std::string(what);
}

std::string KeyOf(const Refusal& refusal) {
  return fmt::format("{}\n{}\n{}", refusal.what, refusal.rule, refusal.path);
}

std::optional<Failure> FailureOf(std::string_view event, std::span<const Field> fields) {
  if (event == kEgressConnect) return OfConnect(fields);
  if (event == kPublishConnect) return OfPublishConnect(fields);
  const std::string rule = Text(fields, "rule");
  if (event != kDenial || (rule != kNoSuchName && rule != kNoNameServer)) return std::nullopt;
  return Failure{.what = OfOneDenial(fields).what, .why = rule, .times = TimesOf(fields)};
}

std::optional<Refusal> RefusalOf(std::string_view event, std::span<const Field> fields) {
  if (event == kDenial) return OfDenial(fields);
  if (event == kLimitWarning || event == kLimitReached) return OfLimit(event, fields);
  if (event == kLimitHeld) return OfHeldLimit(fields);
  return std::nullopt;
}

bool IsRefused(std::string_view event) {
  return event == kDenial || event == kLimitReached || event == kLimitHeld;
}

}  // namespace ambit::event
