#include "event/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace ambit::event {
namespace {

using enum Type;

constexpr FieldSchema kCommon[] = {
    {"v", kNumber, "version of this format"},
    {"seq", kNumber, "counts from 1 without gaps"},
    {"t", kNumber, "UNIX time in nanoseconds"},
    {"run", kText, "the run's id"},
    {"event", kText, "the name"},
    {"cut", kYesNo, "true: its texts were too long for a line and are cut; else absent"},
    {"hash", kText, "of this line and all before it; absent in a journal older than the chain"},
};

constexpr FieldSchema kOfRunPlanned[] = {
    {"project", kText, "the project's real path"},
    {"argv", kTexts, "the command"},
    {"started_by", kText, "user or root"},
    {"version", kText, "of ambit"},
    {"limits", kTexts, "each limit with its value, what holds it and where it comes from"},
};
constexpr FieldSchema kOfPolicyLeftOut[] = {
    {"entries", kTexts, "each as it was told at the start: file, line and column, key, entry, why"},
};
constexpr FieldSchema kOfRunStarted[] = {
    {"walls", kTexts, "what was built"},
    {"capture", kText, "how connections get to egress: tproxy, redirect or ports"},
};
constexpr FieldSchema kOfCopiedUp[] = {
    {"layer", kText, "project, or the name of another layer"},
    {"path", kText, "relative to the layer"},
    {"bytes", kNumber, "its size at the end"},
};
constexpr FieldSchema kOfRunEnded[] = {
    {"cause", kText, "how it ended, in one word"},
    {"exit_code", kNumber, "what ambit run returns"},
    {"detail", kText, "for people; empty for an ordinary exit"},
    {"cpu_ms", kNumber, "processor time of all processes, milliseconds, as far as it was seen"},
    {"memory_peak", kNumber, "bytes, the most that was seen"},
    {"processes_peak", kNumber, "processes and threads, the most that were seen"},
    {"disk_bytes", kNumber, "what layers and home took at the last look; 0: nobody looked"},
    {"net_out_bytes", kNumber, "what left the run by its network, of all connections"},
};
constexpr FieldSchema kOfDenial[] = {
    {"what", kText, "what was asked for"},
    {"port", kNumber, "the port that was asked for"},
    {"path", kText, "the path that was asked for"},
    {"host", kText, "the name or address that was asked for"},
    {"address", kText, "where the name leads that may not lead there"},
    {"rule", kText, "what refused it"},
    {"count", kNumber, "how many equal refusals the line stands for; absent: one"},
    {"pid", kNumber, "who asked, as numbered inside"},
    {"unreadable", kYesNo, "true: not all of it could be read from the process"},
};
constexpr FieldSchema kOfTerminalDropped[] = {
    {"sequences", kTexts, "name and count"},
};
constexpr FieldSchema kOfEgressResolver[] = {
    {"changed", kText, "name servers, or hosts file"},
    {"servers", kTexts, "the name servers that are asked from now on"},
};
constexpr FieldSchema kOfEgressConnect[] = {
    {"host_port", kNumber, "the port on the host's loopback; absent for names and addresses"},
    {"host", kText, "the name, or the address of a rule; absent for the host's loopback"},
    {"port", kNumber, "of `host`"},
    {"connection", kNumber, "counts from 1; equal in opened and closed; 0 when failed"},
    {"state", kText, "opened, closed or failed"},
    {"proxy_status", kNumber,
     "what the host's proxy answered, when it gave no tunnel; 0: no answer"},
    {"errno", kNumber, "0, or why it failed or was reset"},
    {"bytes_to_host", kNumber, "final in closed, 0 before"},
    {"bytes_from_host", kNumber, "final in closed, 0 before"},
};

constexpr FieldSchema kOfNetHeld[] = {
    {"question", kNumber, "counts from 1"},
    {"target", kText, "name or address, and port"},
};
constexpr FieldSchema kOfNetAnswered[] = {
    {"allowed", kYesNo, "true: yes"},
    {"rule", kText, "what is meant by it"},
    {"scope", kText, "once: for what waited; run; project and always: in later runs, too"},
    {"answered", kNumber, "how many questions it answered"},
    {"takes_back_denial", kYesNo,
     "true: a denial of the same rule that a person gave in this run no longer holds; absent: none "
     "does"},
};
constexpr FieldSchema kOfEgressResolverAsked[] = {
    {"host", kText, "the address that was asked"},
    {"port", kNumber, "53"},
};
constexpr FieldSchema kOfEgressSlowed[] = {
    {"most_per_second", kNumber, "how many begin"},
};
constexpr FieldSchema kOfPublishListening[] = {
    {"host_port", kNumber, "the port on the host's loopback"},
    {"port", kNumber, "of the server inside"},
};
constexpr FieldSchema kOfPublishConnect[] = {
    {"host_port", kNumber, "the port on the host's loopback that it came in on"},
    {"port", kNumber, "of the server inside"},
    {"connection", kNumber, "counts from 1; equal in opened and closed; 0 when failed"},
    {"state", kText, "opened, closed or failed"},
    {"errno", kNumber, "0, or why it failed or was reset"},
    {"bytes_to_host", kNumber, "out of the run; final in closed, 0 before"},
    {"bytes_from_host", kNumber, "into the run; final in closed, 0 before"},
};

constexpr FieldSchema kApplied{"applied", kNumber, "how many paths come across"};
constexpr FieldSchema kAppliedPaths{"applied_paths", kTexts,
                                    "the first 100: A, M or D, a space, the path"};
constexpr FieldSchema kHeld{"held", kNumber, "how many paths the gate holds"};
constexpr FieldSchema kHeldPaths{"held_paths", kTexts, "the first 100"};
constexpr FieldSchema kConflicts{"conflicts", kNumber, "how many paths the host changed too"};
constexpr FieldSchema kConflictsPaths{"conflicts_paths", kTexts, "the first 100"};
constexpr FieldSchema kRefused{"refused", kNumber, "how many paths never come across"};
constexpr FieldSchema kRefusedPaths{"refused_paths", kTexts, "the first 100"};
constexpr FieldSchema kConsents{"consents", kNumber, "how many held paths the person let through"};
constexpr FieldSchema kConsentsPaths{"consents_paths", kTexts, "the first 100"};
constexpr FieldSchema kError{"error", kText, "why it failed; empty when it did not"};

constexpr FieldSchema kOfApplyStarted[] = {
    kApplied,
    kAppliedPaths,
    kHeld,
    kHeldPaths,
    kConflicts,
    kConflictsPaths,
    kRefused,
    kRefusedPaths,
    kConsents,
    kConsentsPaths,
    {"replaced", kNumber, "how many files of the host the person let the run's version replace"},
    {"replaced_paths", kTexts, "the first 100"},
    {"declined", kNumber, "how many files the person said no to, one by one"},
};
constexpr FieldSchema kOfEnded[] = {kApplied,   kAppliedPaths, kHeld,
                                    kHeldPaths, kConflicts,    kConflictsPaths,
                                    kRefused,   kRefusedPaths, kError};
constexpr FieldSchema kOfApplyRecovered[] = {
    {"taken_back", kYesNo, "the project is as before; else it is as after"},
};
constexpr FieldSchema kOfBranchStarted[] = {
    {"branch", kText, "the name"},
    {"from", kText, "the run's branch or stash that was asked for; empty: its HEAD"},
    kConsents,
    kConsentsPaths,
};
constexpr FieldSchema kOfBranchEnded[] = {
    {"commit", kText, "the tip; empty when it failed"},
    {"commits", kNumber, "that the host did not have"},
    kConsents,
    kConsentsPaths,
    kError,
};
constexpr FieldSchema kOfEventsDropped[] = {
    {"count", kNumber, "events before this line that were lost"},
    {"kinds", kTexts, "name and count of each; egress: reports of any kind that it could not send"},
    {"truncated", kYesNo, "true: a layer holds more than could be listed"},
};

constexpr FieldSchema kPid{"pid", kNumber, "as numbered inside"};
constexpr FieldSchema kPath{"path", kText, "as the process gave it, made absolute"};
constexpr FieldSchema kUnreadable{"unreadable", kYesNo,
                                  "true: not all of it could be read from the process"};
constexpr FieldSchema kOfProcessExec[] = {
    kPid,
    {"ppid", kNumber, "its parent's; absent when nobody knows"},
    {"path", kText, "the program"},
    {"argv", kTexts, "its arguments"},
    {"argv_cut", kYesNo, "true: there were more"},
    {"cwd", kText, "its working directory"},
    kUnreadable,
};
constexpr FieldSchema kOfProcessExit[] = {
    kPid,
    {"exit_code", kNumber, "when it ended by itself"},
    {"signal", kNumber, "when a signal ended it"},
    {"status", kText, "unknown, when neither is known"},
};
constexpr FieldSchema kOfFile[] = {kPid, kPath, kUnreadable};
constexpr FieldSchema kOfFileCreate[] = {
    kPid,
    kPath,
    {"kind", kText, "file, directory, symlink, hard link, node or unnamed"},
    {"target", kText, "what a link names"},
    kUnreadable,
};
constexpr FieldSchema kOfFileRename[] = {kPid, kPath, {"to", kText, "the new name"}, kUnreadable};
constexpr FieldSchema kOfFileMode[] = {
    kPid,
    kPath,
    {"mode", kText, "in octal digits; absent when it is about the owner alone"},
    {"owner", kYesNo, "true: the owner was asked to change"},
    kUnreadable,
};
constexpr FieldSchema kOfLayerRemained[] = {
    {"layer", kText, "project, or the name of another layer"},
    {"path", kText, "relative to the layer"},
    {"kind", kText,
     "created, changed, deleted, mode, renamed or repository (all below a .git in one line)"},
    {"from", kText, "the name it had (renamed only)"},
    {"mode", kText, "in octal digits, as it is now"},
    {"bytes", kNumber, "its size as it is now"},
    {"files", kNumber, "how many names below it changed (repository only)"},
    {"unreadable", kYesNo, "true: it, or what is in it, could not be read"},
    {"opened", kYesNo, "true: its owner could not read it, and was given the permission back"},
};
constexpr FieldSchema kOfLimit[] = {
    {"limit", kText, "its key below limits"},
    {"value", kNumber, "the limit"},
    {"used", kNumber, "how much was used, in the same unit"},
    {"from", kText,
     "who set it: a flag, a line of a file, a bound (not trusted, managed), or default"},
};
constexpr FieldSchema kOfLimitHeld[] = {
    {"limit", kText, "memory or processes"},
    {"value", kNumber, "the limit"},
    {"count", kNumber,
     "how many processes were killed (memory) or forks refused since the last such line"},
    {"from", kText,
     "who set it: a flag, a line of a file, a bound (not trusted, managed), or default"},
};

constexpr FieldSchema kSignature{"signature", kText, "by the person's key, in hexadecimal digits"};
constexpr FieldSchema kOfJournalHead[] = {
    {"format", kText, "how lines hang together"},
    {"nonce", kText, "drawn for this journal"},
    {"key", kText, "the public key that signs"},
    kSignature,
};
constexpr FieldSchema kOfJournalClose[] = {
    {"records", kNumber, "how many lines come before it"},
    kSignature,
};
constexpr FieldSchema kOfJournalResumed[] = {
    {"torn_bytes", kNumber, "how long the piece of a line was that a crash left"},
    {"torn_sha256", kText, "of that piece"},
};

constexpr EventSchema kEvents[] = {
    {kRunPlanned, "before the agent can start, while init builds the walls", kOfRunPlanned},
    {kPolicyLeftOut, "what a policy file asked for and the run does not have", kOfPolicyLeftOut},
    {kRunStarted, "all walls stand; the agent is started next", kOfRunStarted},
    {kCopiedUp, "a file of 64 MiB or more that the first write copied into a layer", kOfCopiedUp},
    {kRunEnded, "the outcome, exactly once", kOfRunEnded},
    {kDenial, "something was refused, with the rule", kOfDenial},
    {kTerminalDropped, "of the agent's output something was not shown", kOfTerminalDropped},
    {kEgressConnect, "a connection from inside to a name, an address or a host port",
     kOfEgressConnect},
    {kNetHeld, "a connection that no rule allows or denies waits for a person", kOfNetHeld},
    {kNetAnswered, "a person has allowed or denied something while the run goes on",
     kOfNetAnswered},
    {kEgressResolver, "the host finds names in another way than before, and so does the run",
     kOfEgressResolver},
    {kEgressResolverAsked, "a foreign name server was asked; the run's own answered",
     kOfEgressResolverAsked},
    {kEgressSlowed, "new connections wait: the run makes more of them than it may in a second",
     kOfEgressSlowed},
    {kPublishListening, "a port of the host leads to a server inside from now on",
     kOfPublishListening},
    {kPublishConnect, "a connection from the host to a server inside", kOfPublishConnect},
    {kApplyStarted, "before apply touches the project, what is planned", kOfApplyStarted},
    {kApplyEnded, "after apply, what happened", kOfEnded},
    {kApplyRecovered, "what an interrupted apply or undo left was ended", kOfApplyRecovered},
    {kUndoStarted, "before undo touches the project", {}},
    {kUndoEnded, "after undo, what happened", kOfEnded},
    {kBranchStarted, "before branch touches the repository", kOfBranchStarted},
    {kBranchEnded, "after branch, what happened", kOfBranchEnded},
    {kWorkDiscarded, "the layers are gone, by ambit discard", {}},
    {kEventsDropped, "events were lost, counted", kOfEventsDropped},
    {kProcessExec, "a program was asked for", kOfProcessExec},
    {kProcessExit, "a process ended", kOfProcessExit},
    {kFileOpen, "a file was asked for, to read", kOfFile},
    {kFileCreate, "a file or directory was asked for that may be new", kOfFileCreate},
    {kFileWrite, "a file was asked for, to write", kOfFile},
    {kFileDelete, "a name was asked to be removed", kOfFile},
    {kFileRename, "a name was asked to be another", kOfFileRename},
    {kFileMode, "a mode or an owner was asked for", kOfFileMode},
    {kLayerRemained, "what a layer holds at the end", kOfLayerRemained},
    {kLimitWarning, "the soft end of a limit has begun", kOfLimit},
    {kLimitReached, "a limit was reached", kOfLimit},
    {kLimitHeld, "the kernel killed for memory or refused to fork, and the run goes on",
     kOfLimitHeld},
    {kJournalHead, "the first line", kOfJournalHead},
    {kJournalClose, "seals all lines before it", kOfJournalClose},
    {kJournalResumed, "a journal without its end is gone on with", kOfJournalResumed},
};

std::string_view JsonTypeOf(Type type) {
  switch (type) {
    case kText:
      return R"("type": "string")";
    case kNumber:
      return R"("type": "integer")";
    case kYesNo:
      return R"("type": "boolean")";
    case kTexts:
      return R"("type": "array", "items": {"type": "string"})";
  }
  return {};
}

std::string PropertyOf(const FieldSchema& field) {
  return fmt::format(R"("{}": {{{}, "description": "{}", "x-since": {}}})", field.name,
                     JsonTypeOf(field.type), JsonEscape(field.meaning), field.since);
}

bool HoldsA(Type type, const Value& value) {
  return (type == kText && std::holds_alternative<std::string>(value)) ||
         (type == kNumber && std::holds_alternative<std::int64_t>(value)) ||
         (type == kYesNo && std::holds_alternative<bool>(value)) ||
         (type == kTexts && std::holds_alternative<std::vector<std::string>>(value));
}

/// The rule of one event: whoever says its name has no other fields than these.
std::string RuleOf(const EventSchema& event) {
  std::vector<std::string> properties;
  for (const FieldSchema& field : CommonFields()) {
    properties.push_back(fmt::format("\"{}\": true", field.name));
  }
  for (const FieldSchema& field : event.fields) properties.push_back(PropertyOf(field));
  return fmt::format(
      R"(    {{"if": {{"properties": {{"event": {{"const": "{}"}}}}}},
     "then": {{"description": "{}", "x-since": {}, "additionalProperties": false, "properties": {{
      {}}}}}}})",
      event.name, JsonEscape(event.when), event.since, fmt::join(properties, ",\n      "));
}

}  // namespace

std::string_view NameOf(Type type) {
  switch (type) {
    case kText:
      return "string";
    case kNumber:
      return "number";
    case kYesNo:
      return "bool";
    case kTexts:
      return "list of strings";
  }
  return {};
}

std::span<const FieldSchema> CommonFields() { return kCommon; }

std::span<const EventSchema> Events() { return kEvents; }

const EventSchema* FindEvent(std::string_view name) {
  const auto* const found = std::ranges::find(kEvents, name, &EventSchema::name);
  return found != std::ranges::end(kEvents) ? found : nullptr;
}

std::optional<std::string> Disagreement(const Event& event) {
  const EventSchema* schema = FindEvent(event.name);
  if (schema == nullptr) return fmt::format("no event '{}'", event.name);
  for (const Field& field : event.fields) {
    const auto known = std::ranges::find(schema->fields, field.name, &FieldSchema::name);
    if (known == schema->fields.end()) {
      return fmt::format("{} has no field '{}'", event.name, field.name);
    }
    if (!HoldsA(known->type, field.value)) {
      return fmt::format("{}.{} is no {}", event.name, field.name, NameOf(known->type));
    }
  }
  return std::nullopt;
}

std::string JsonSchema() {
  std::vector<std::string> names;
  std::vector<std::string> rules;
  for (const EventSchema& event : Events()) {
    names.push_back(fmt::format("\"{}\"", event.name));
    rules.push_back(RuleOf(event));
  }
  std::vector<std::string> required;
  std::vector<std::string> common;
  for (const FieldSchema& field : CommonFields()) {
    if (field.name != "cut" && field.name != "hash") {
      required.push_back(fmt::format("\"{}\"", field.name));
    }
    if (field.name == "event") continue;
    common.push_back(PropertyOf(field));
  }
  return fmt::format(
      R"({{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "One line of the journal of a run of ambit, format {}",
  "type": "object",
  "required": [{}],
  "properties": {{
    {},
    "event": {{"enum": [{}]}}}},
  "allOf": [
{}
  ]
}}
)",
      kVersion, fmt::join(required, ", "), fmt::join(common, ",\n    "), fmt::join(names, ", "),
      fmt::join(rules, ",\n"));
}

}  // namespace ambit::event
