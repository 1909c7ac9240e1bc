#include "journal/entry_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <span>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "event/refusal.h"

namespace ambit::journal {
namespace {

/// A word as a shell would want it, but safe to print.
std::string Word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,=%";
  const bool plain = !word.empty() && word.find_first_not_of(kPlain) == std::string::npos;
  return plain ? word : "'" + Printable(word) + "'";
}

/// No more of a list than can be shown.
std::string Words(const event::Value* value) {
  const auto* words = value != nullptr ? std::get_if<std::vector<std::string>>(value) : nullptr;
  std::string line;
  if (words == nullptr) return line;
  for (const std::string& word : *words) {
    if (line.size() > kMostText) break;
    line += (line.empty() ? "" : " ") + Word(word.substr(0, kMostText));
  }
  return line;
}

std::string Shown(const event::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return Word(text->substr(0, kMostText));
  if (const auto* number = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "yes" : "no";
  return "[" + Words(&value) + "]";
}

std::string TextOf(const Entry& entry, std::string_view name) {
  return Printable(std::string_view(entry.Text(name)).substr(0, kMostText));
}

std::string NumberOf(const Entry& entry, std::string_view name) {
  const auto number = entry.Number(name);
  return number ? fmt::format("{}", *number) : "?";
}

std::string ByWhom(const Entry& entry) {
  const auto pid = entry.Number("pid");
  return pid && *pid > 0 ? fmt::format(" (pid {})", *pid) : "";
}

std::string OfPlanned(const Entry& entry) {
  return fmt::format("{} in {}, as {}, ambit {}", Words(entry.Find("argv")),
                     TextOf(entry, "project"), TextOf(entry, "started_by"),
                     TextOf(entry, "version"));
}

std::string OfStarted(const Entry& entry) {
  const event::Value* walls = entry.Find("walls");
  const auto* names = walls != nullptr ? std::get_if<std::vector<std::string>>(walls) : nullptr;
  const std::string capture = entry.Text("capture");
  return (names != nullptr ? Count(names->size(), "wall") + " stand" : "") +
         (capture.empty() || capture == "tproxy"
              ? ""
              : fmt::format(", connections are captured with {}", Printable(capture)));
}

std::string OfEnded(const Entry& entry) {
  const std::string detail = TextOf(entry, "detail");
  return fmt::format("{} {}{}{}", TextOf(entry, "cause"), NumberOf(entry, "exit_code"),
                     detail.empty() ? "" : ": ", detail);
}

std::string OfExec(const Entry& entry) {
  const std::string argv = Words(entry.Find("argv"));
  return (argv.empty() ? Word(entry.Text("path").substr(0, kMostText)) : argv) + ByWhom(entry);
}

std::string OfExit(const Entry& entry) {
  const auto signal = entry.Number("signal");
  const auto code = entry.Number("exit_code");
  const std::string how = signal ? fmt::format("signal {}", *signal)
                          : code ? fmt::format("exit {}", *code)
                                 : TextOf(entry, "status");
  return how + ByWhom(entry);
}

std::string OfFile(const Entry& entry) {
  std::string to = TextOf(entry, "to");
  if (to.empty()) to = TextOf(entry, "target");
  const event::Value* mode = entry.Find("mode");
  return TextOf(entry, "path") + (to.empty() ? "" : " -> " + to) +
         (mode != nullptr ? " " + Shown(*mode) : "") + ByWhom(entry);
}

/// Of a connection: "closed, 5 bytes to the host, 6 from it".
std::string HowItIs(const Entry& entry) {
  const std::string state = entry.Text("state");
  std::string line = TextOf(entry, "state");
  const auto error = entry.Number("errno").value_or(0);
  if (const auto status = entry.Number("proxy_status"); status && *status > 0) {
    line += fmt::format(": the host's proxy answered {}", *status);
  }
  if (state == "failed" && error > 0) {
    line += fmt::format(": {}", std::generic_category().message(static_cast<int>(error)));
  }
  if (state == "closed") {
    line += fmt::format(", {} bytes to the host, {} from it", NumberOf(entry, "bytes_to_host"),
                        NumberOf(entry, "bytes_from_host"));
  }
  return line;
}

std::string OfConnect(const Entry& entry) {
  const bool named = entry.Find("host") != nullptr;
  return fmt::format("{}:{} {}", named ? TextOf(entry, "host") : "127.0.0.1",
                     NumberOf(entry, named ? "port" : "host_port"), HowItIs(entry));
}

std::string OfPublishing(const Entry& entry) {
  return fmt::format("127.0.0.1:{} to port {} inside", NumberOf(entry, "host_port"),
                     NumberOf(entry, "port"));
}

std::string OfPublished(const Entry& entry) {
  return fmt::format("{} {}", OfPublishing(entry), HowItIs(entry));
}

std::string OfRefusal(const Entry& entry) {
  const auto refusal = event::RefusalOf(entry.event, entry.fields);
  if (!refusal) return {};
  return Printable(event::WithTimes(refusal->what, refusal->times)) + ": " +
         Printable(refusal->rule) + ByWhom(entry);
}

std::string OfLayer(const Entry& entry) {
  const std::string kind = TextOf(entry, "kind");
  return fmt::format("{}{}{} in {}{}", kind, kind.empty() ? "" : " ", TextOf(entry, "path"),
                     TextOf(entry, "layer"),
                     entry.Find("unreadable") != nullptr ? " (could not be read)" : "");
}

/// Whoever checks a signature takes all of it, from the journal's own lines.
std::string OfSigned(const Entry& entry) {
  constexpr std::size_t kShown = 16;
  std::vector<std::string> parts;
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const event::Field& field : entry.fields) {
    const auto* text = std::get_if<std::string>(&field.value);
    const bool long_text = text != nullptr && text->size() > kShown &&
                           text->find_first_not_of(kHex) == std::string::npos;
    parts.push_back(
        fmt::format("{}={}", Printable(field.name.substr(0, kMostText)),
                    long_text ? Word(text->substr(0, kShown)) + "..." : Shown(field.value)));
    if (parts.size() > kShown) break;
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

/// Every field by its name: of an event that nobody wrote words for, or a newer ambit's.
std::string OfAnything(const Entry& entry) {
  std::string line;
  for (const event::Field& field : entry.fields) {
    const auto* text = std::get_if<std::string>(&field.value);
    const auto* list = std::get_if<std::vector<std::string>>(&field.value);
    if ((text != nullptr && text->empty()) || (list != nullptr && list->empty())) continue;
    if (line.size() > kMostText) break;
    line += fmt::format("{}{}={}", line.empty() ? "" : " ", Printable(field.name.substr(0, 100)),
                        Shown(field.value));
  }
  return line;
}

constexpr std::array<std::pair<std::string_view, std::string (*)(const Entry&)>, 21> kWords = {{
    {event::kRunPlanned, OfPlanned},
    {event::kRunStarted, OfStarted},
    {event::kRunEnded, OfEnded},
    {event::kProcessExec, OfExec},
    {event::kProcessExit, OfExit},
    {event::kFileOpen, OfFile},
    {event::kFileCreate, OfFile},
    {event::kFileWrite, OfFile},
    {event::kFileDelete, OfFile},
    {event::kFileRename, OfFile},
    {event::kFileMode, OfFile},
    {event::kEgressConnect, OfConnect},
    {event::kPublishListening, OfPublishing},
    {event::kPublishConnect, OfPublished},
    {event::kDenial, OfRefusal},
    {event::kLimitWarning, OfRefusal},
    {event::kLimitReached, OfRefusal},
    {event::kLimitHeld, OfRefusal},
    {event::kLayerRemained, OfLayer},
    {event::kJournalHead, OfSigned},
    {event::kJournalClose, OfSigned},
}};

}  // namespace

std::string Cut(std::string text, std::size_t most) {
  constexpr std::string_view kMore = "...";
  if (text.size() <= most) return text;
  std::size_t end = most - kMore.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text += kMore;
}

std::string Essence(const Entry& entry) {
  for (const auto& [name, words] : kWords) {
    if (name == entry.event) return Cut(words(entry), kMostText);
  }
  return Cut(OfAnything(entry), kMostText);
}

}  // namespace ambit::journal
