#include "policy/import_draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <utility>

#include "base/path.h"
#include "base/text.h"
#include "policy/toml_reader.h"
#include "policy/values.h"

namespace ambit::policy {
namespace {

constexpr std::string_view kNoNames =
    "names do not resolve inside a run yet; only ports of this machine's loopback open";
constexpr std::string_view kNoPatternOutside =
    "outside of the project ambit takes no patterns: list the paths that are needed";
constexpr std::string_view kTooMuch =
    "ambit shows neither the whole machine nor a whole home: list what is needed of it";
constexpr std::string_view kNotHere = "not on this machine";
constexpr std::string_view kOwnTemporary = "a run has its own, empty and writable";
constexpr std::string_view kStaysInRun = "writes stay in the run";

/// Shown in every run, read-only.
constexpr std::array<std::string_view, 9> kSystem = {
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store"};
constexpr std::array<std::string_view, 5> kTemporary = {"/tmp", "/var/tmp", "/dev/shm", "/run",
                                                        "/var/run"};
constexpr std::array<std::string_view, 3> kOfTheKernel = {"/proc", "/sys", "/dev"};
constexpr std::array<std::string_view, 8> kDevices = {"/dev/null",   "/dev/zero",    "/dev/full",
                                                      "/dev/random", "/dev/urandom", "/dev/tty",
                                                      "/dev/ptmx",   "/dev/pts"};
constexpr std::array<std::string_view, 10> kBaseVariables = {
    "HOME", "USER", "LOGNAME", "SHELL", "PATH", "TERM", "COLORTERM", "LANG", "TZ", "NO_COLOR"};

template <class List>
bool IsBelowAny(std::string_view path, const List& tops) {
  return std::ranges::any_of(tops, [&](std::string_view top) { return IsAtOrBelow(path, top); });
}

bool IsBaseVariable(std::string_view name) {
  return name.starts_with("LC_") || std::ranges::find(kBaseVariables, name) != kBaseVariables.end();
}

/// A value under such a name does not belong in a file that people commit.
bool SoundsSecret(std::string_view name) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  constexpr std::array<std::string_view, 6> kWords = {"KEY",    "TOKEN",    "SECRET",
                                                      "PASSWD", "PASSWORD", "CREDENTIAL"};
  return std::ranges::any_of(kWords, [&](std::string_view word) { return upper.contains(word); });
}

/// Up to the last slash before the first character of a pattern.
std::string BeforePattern(const std::string& path) {
  const std::size_t first = path.find_first_of("*?[{");
  const std::size_t slash = path.rfind('/', first);
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

/// How much of the end of `path` only says that a directory is meant, with all below it.
std::size_t AllBelow(std::string_view path) {
  for (const std::string_view end : {"/**", "/**/*", "/"}) {
    if (path.size() > end.size() && path.ends_with(end)) return end.size();
  }
  return 0;
}

std::string WithSlash(std::string_view path) { return path == "/" ? "/" : std::string(path) + "/"; }

/// Enough of it to be known again, cut between characters.
std::string Quoted(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  std::size_t end = std::min(text.size(), kLongest);
  while (end > 0 && end < text.size() && (text[end] & '\xC0') == '\x80') --end;
  return fmt::format("\"{}{}\"", Printable(text.substr(0, end)), end < text.size() ? "..." : "");
}

/// A name or an address, perhaps with a port, and no pattern.
bool IsHost(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == ':' || c == '[' || c == ']';
  });
}

}  // namespace

void ImportDraft::StartFile(const ImportFile& file, bool named) {
  file_ = &file;
  named_ = named;
}

std::string ImportDraft::OriginOf(const Said& said) const {
  return Printable(named_ ? fmt::format("{}: {}", file_->name, said.setting) : said.setting);
}

void ImportDraft::Holds(const Said& said, std::string why) {
  out_.holding.push_back(
      {.setting = OriginOf(said) + (said.text.empty() ? "" : " " + Quoted(said.text)),
       .why = std::move(why)});
}

void ImportDraft::HasNoEquivalent(const Said& said, std::string why) {
  out_.missing.push_back(
      {.setting = OriginOf(said) + (said.text.empty() ? "" : " " + Quoted(said.text)),
       .why = std::move(why)});
}

bool ImportDraft::Add(std::string_view key, const Said& said, std::string text, std::string value,
                      std::string_view remark) {
  const Option* option = FindOption(key);
  const Item item{.text = text, .value = value, .origin = {}};
  if (const Status fits = CheckItem(*option, item, SourceKind::kProject); !fits) {
    HasNoEquivalent(said, fmt::format("{}: {}", key, fits.error().what));
    return false;
  }
  if (!seen_.insert(fmt::format("{} {}", key, text)).second) return false;
  std::string comment = OriginOf(said);
  if (!remark.empty()) comment += fmt::format("; {}", remark);
  out_.lines.push_back({.option = option,
                        .text = std::move(text),
                        .value = std::move(value),
                        .comment = std::move(comment)});
  return true;
}

void ImportDraft::AddTest(std::string_view key, const Said& said, std::string text) {
  if (!seen_.insert(fmt::format("test.{} {}", key, text)).second) return;
  out_.tests.push_back({.key = key, .text = std::move(text), .comment = OriginOf(said)});
}

std::optional<ImportDraft::Place> ImportDraft::Locate(const Said& said) {
  std::string_view text = said.text;
  const bool by_tilde = text == "~" || text.starts_with("~/");
  if (text.empty() || text.contains('\0') || (text[0] == '~' && !by_tilde)) {
    HasNoEquivalent(said, "not a path that can be found");
    return std::nullopt;
  }
  Place place;
  while (const std::size_t length = AllBelow(text)) {
    place.directory = true;
    text.remove_suffix(length);
  }
  const std::string written = WrittenOut(text, host_.home, file_->base);
  place.path = std::filesystem::path(written).lexically_normal().string();
  while (place.path.size() > 1 && place.path.ends_with('/')) place.path.pop_back();
  place.in_project = IsAtOrBelow(place.path, host_.project);
  place.pattern = place.path.find_first_of("*?[{") != std::string::npos;
  if (place.in_project) {
    place.inside = place.path == host_.project ? "." : place.path.substr(host_.project.size() + 1);
  }
  const bool below_home = host_.home != "/" && IsAtOrBelow(place.path, host_.home);
  place.shown = below_home ? "~" + place.path.substr(host_.home.size()) : place.path;
  if (place.pattern) {
    const std::string before = BeforePattern(place.path);
    const std::string rest = place.path.substr(WithSlash(before).size());
    place.any_depth = rest.starts_with("**/");
    if (!place.in_project) place.inside = rest;
    place.path = before;
  }
  return place;
}

void ImportDraft::HideInside(const Said& said, const Place& place) {
  if (place.inside == "." || place.inside == "*" || place.inside == "**") {
    return HasNoEquivalent(said, "the project is what a run is about");
  }
  if (place.inside == ".git" || place.inside.starts_with(".git/")) {
    return HasNoEquivalent(said,
                           "a run sees the project's repository; credentials in its configuration "
                           "are taken out of the view");
  }
  if (place.inside.find_first_of("[{!") != std::string::npos) {
    return HasNoEquivalent(said, "patterns of ambit know * and ? only");
  }
  const PathKind kind =
      place.pattern ? PathKind::kAbsent : host_.kind(host_.project + "/" + place.inside);
  // What is not there yet may become either.
  if (!place.directory && kind != PathKind::kDirectory && !Add("fs.hide", said, place.inside)) {
    return;
  }
  if (place.directory || kind != PathKind::kFile) Add("fs.hide", said, place.inside + "/");
}

void ImportDraft::Hide(const Said& said) {
  const std::optional<Place> place = Locate(said);
  if (!place) return;
  if (place->in_project) return HideInside(said, *place);
  if (place->any_depth && IsAtOrBelow(host_.project, place->path)) HideInside(said, *place);
  if (IsBelowAny(place->path, kSystem)) {
    return HasNoEquivalent(said,
                           "every run sees the system's programs, read-only; no key hides a "
                           "part of them");
  }
  denied_paths_.insert(WithSlash(place->path));
  if (place->pattern && !place->any_depth && IsAtOrBelow(host_.project, place->path)) {
    return HasNoEquivalent(said,
                           "outside of the project nothing is shown that is not listed; which "
                           "files of the project are meant has to be said with fs.hide");
  }
  if (place->pattern || IsAtOrBelow(host_.project, place->path)) {
    return Holds(said,
                 "outside of the project nothing is shown that is not listed, but the "
                 "system's programs");
  }
  AddTest("fs_hidden", said, place->shown);
}

/// What can be said of a path without asking whether it is there. True: it was said.
bool ImportDraft::NoteOutsideShow(const Said& said, const Place& place) {
  if (place.pattern) {
    HasNoEquivalent(said, std::string(kNoPatternOutside));
  } else if (IsAtOrBelow(host_.home, place.path) || IsAtOrBelow(host_.project, place.path)) {
    HasNoEquivalent(said, std::string(kTooMuch));
  } else {
    return false;
  }
  return true;
}

void ImportDraft::Show(std::string_view key, const Said& said, const Place& place, bool reopens,
                       std::string_view remark) {
  shown_.push_back(
      {.path = place.path,
       .reopens = reopens,
       .line = {.option = FindOption(key),
                .text = place.shown,
                .value = {},
                .comment = OriginOf(said) + (remark.empty() ? "" : fmt::format("; {}", remark))},
       .said = said,
       .origin = OriginOf(said)});
}

void ImportDraft::ShowReadOnly(const Said& said) {
  const std::optional<Place> place = Locate(said);
  if (!place) return;
  if (place->in_project) return Holds(said, "the project is shown");
  if (IsBelowAny(place->path, kSystem)) return Holds(said, "every run sees it, read-only");
  if (NoteOutsideShow(said, *place)) return;
  if (std::ranges::find(kTemporary, place->path) != kTemporary.end()) {
    return HasNoEquivalent(said, std::string(kOwnTemporary));
  }
  if (IsBelowAny(place->path, kDevices)) return Holds(said, "every run has it");
  if (IsBelowAny(place->path, kOfTheKernel)) {
    return HasNoEquivalent(said, "a run has its own of these, made for it");
  }
  if (host_.kind(place->path) == PathKind::kAbsent) {
    return HasNoEquivalent(said, std::string(kNotHere));
  }
  Show("fs.ro", said, *place, /*reopens=*/false, {});
}

void ImportDraft::ReopenReadOnly(const Said& said) {
  const std::size_t before = shown_.size();
  ShowReadOnly(said);
  if (shown_.size() > before) shown_.back().reopens = true;
}

void ImportDraft::ShowWritable(const Said& said) {
  const std::optional<Place> place = Locate(said);
  if (!place) return;
  if (place->in_project) {
    if (place->inside == "." || place->inside == "*" || place->inside == "**") {
      return SetProject("cow", said.setting);
    }
    written_parts_.push_back(said);
    return;
  }
  if (IsBelowAny(place->path, kSystem)) {
    return HasNoEquivalent(said, "the system is read-only in every run");
  }
  if (!place->pattern && IsBelowAny(place->path, kTemporary) &&
      !IsAtOrBelow(place->path, host_.home)) {
    return Holds(said, std::string(kOwnTemporary));
  }
  if (NoteOutsideShow(said, *place)) return;
  if (IsBelowAny(place->path, kDevices)) return Holds(said, "every run has it");
  if (IsBelowAny(place->path, kOfTheKernel)) {
    return HasNoEquivalent(said, "a run has its own of these, made for it");
  }
  const PathKind kind = host_.kind(place->path);
  if (kind == PathKind::kAbsent) return HasNoEquivalent(said, std::string(kNotHere));
  if (kind == PathKind::kFile) {
    return HasNoEquivalent(said, "fs.cow takes directories; fs.ro would show the file read-only");
  }
  Show("fs.cow", said, *place, /*reopens=*/false, kStaysInRun);
}

void ImportDraft::DenyWrite(const Said& said) {
  const std::optional<Place> place = Locate(said);
  if (!place) return;
  if (!place->in_project) {
    return Holds(said, "outside of the project a run writes nothing of the host's");
  }
  if (place->inside == "." || place->inside == "*" || place->inside == "**") {
    return SetProject("ro", said.setting);
  }
  if (place->inside == ".git" || place->inside.starts_with(".git/")) {
    return Holds(said, "'ambit apply' writes nothing below a .git");
  }
  HasNoEquivalent(said,
                  "a run may change it in its own layer; yours changes only by 'ambit apply', "
                  "which shows it first and holds what this machine would run by itself");
}

void ImportDraft::SetProject(std::string_view mode, const std::string& setting) {
  if (project_ && project_->text == "ro") return;  // deny wins
  const bool cow = mode == "cow";
  project_ = ImportLine{.option = FindOption("fs.project"),
                        .text = std::string(mode),
                        .value = {},
                        .comment = OriginOf({.text = {}, .setting = setting}) +
                                   (cow ? "; changes stay in the run until 'ambit apply'" : "")};
}

void ImportDraft::AllowHost(const Said& said) {
  for (const std::string_view loopback : {"localhost:", "127.0.0.1:", "[::1]:"}) {
    if (said.text.starts_with(loopback)) {
      return OpenHostPort({.text = said.text.substr(loopback.size()), .setting = said.setting});
    }
  }
  if (said.text == "localhost" || said.text == "127.0.0.1" || said.text == "[::1]") {
    return HasNoEquivalent(said,
                           "a run has a loopback of its own; name the ports of the host's "
                           "with net.host_ports");
  }
  HasNoEquivalent(said, std::string(kNoNames));
}

void ImportDraft::DenyHost(const Said& said) {
  if (!IsHost(said.text)) return Holds(said, "nothing but named ports of the loopback is reached");
  AddTest("net_deny", said, said.text);
}

void ImportDraft::OpenHostPort(const Said& said) {
  // A number of TOML does not begin with a zero.
  const std::size_t zeros = std::min(said.text.find_first_not_of('0'), said.text.size());
  Add("net.host_ports", said, said.text.substr(zeros));
}

void ImportDraft::PassVariable(const Said& said) {
  if (IsBaseVariable(said.text)) return Holds(said, "crosses into every run");
  if (said.text.find_first_of("*?[") != std::string::npos) {
    return HasNoEquivalent(said, "env.pass takes names, not patterns");
  }
  Add("env.pass", said, said.text);
}

void ImportDraft::DenyVariable(const Said& said) {
  if (IsBaseVariable(said.text)) return HasNoEquivalent(said, "crosses into every run");
  if (!IsVariableName(said.text)) {
    return Holds(said, "no variable crosses that is not listed");
  }
  denied_names_.insert(said.text);
  AddTest("env_hidden", said, said.text);
}

void ImportDraft::SetVariable(const std::string& name, const std::string& value,
                              const std::string& setting) {
  const Said said{.text = name, .setting = setting};
  if (SoundsSecret(name)) {
    return HasNoEquivalent(said, fmt::format("sounds like a secret, whose value does not belong in "
                                             "this file: pass your own with --env {}",
                                             IsVariableName(name) ? name : "NAME"));
  }
  if (seen_.contains("env.set " + name)) {  // the later file has the stronger claim
    for (ImportLine& line : out_.lines) {
      if (line.option->key != "env.set" || line.text != name || value.contains('\0')) continue;
      line.value = value;
      line.comment = OriginOf(said);
    }
    return;
  }
  Add("env.set", said, name, value);
}

void ImportDraft::AddPreset(std::string_view name, const Said& origin) {
  Add("extends", origin, std::string(name));
}

bool ImportDraft::IsDeniedAround(const std::string& path, bool reopens) const {
  const std::string own = WithSlash(path);
  const auto below = denied_paths_.lower_bound(own);
  if (below != denied_paths_.end() && below->starts_with(own)) return true;
  if (reopens) return false;
  for (std::size_t slash = own.find('/'); slash != std::string::npos;
       slash = own.find('/', slash + 1)) {
    if (denied_paths_.contains(own.substr(0, slash + 1))) return true;
  }
  return false;
}

void ImportDraft::LetDenyWin() {
  for (Shown& shown : shown_) {
    if (IsDeniedAround(shown.path, shown.reopens)) {
      out_.missing.push_back({.setting = shown.origin + " " + Quoted(shown.said.text),
                              .why = "is denied as well, in whole or in part, and deny wins; list "
                                     "what is needed beside it"});
    } else if (seen_.insert(fmt::format("{} {}", shown.line.option->key, shown.line.text)).second) {
      out_.lines.push_back(std::move(shown.line));
    }
  }
  const auto passed_and_denied = [this](const ImportLine& line) {
    const bool of_environment = line.option->key.starts_with("env.");
    return of_environment && denied_names_.contains(line.text);
  };
  for (const ImportLine& line : out_.lines) {
    if (!passed_and_denied(line)) continue;
    out_.missing.push_back({.setting = fmt::format("{} {}", line.comment, Quoted(line.text)),
                            .why = "is denied as well, and deny wins"});
  }
  std::erase_if(out_.lines, passed_and_denied);
}

void ImportDraft::SettleProject() {
  const bool written = project_ || !written_parts_.empty();
  if (!written && !read_only_unless_.empty()) SetProject("ro", read_only_unless_);
  if (!project_ && !written_parts_.empty()) SetProject("cow", written_parts_.front().setting);
  for (const Said& part : written_parts_) {
    HasNoEquivalent(part, "the project is copy-on-write as a whole, or read-only as a whole");
  }
  if (project_) out_.lines.push_back(*std::move(project_));
}

/// The bounds of the reader; what is beyond them is noted.
void ImportDraft::KeepWhatAPolicyTakes() {
  std::map<std::string_view, std::size_t> taken;
  const auto is_too_much = [&](std::string_view list, const auto& line) {
    if (line.text.size() <= kMaxEntryBytes && ++taken[list] <= kMaxEntries) return false;
    out_.missing.push_back({.setting = fmt::format("{} {}", line.comment, Quoted(line.text)),
                            .why = fmt::format("a list of a policy has at most {} entries of at "
                                               "most {} bytes",
                                               kMaxEntries, kMaxEntryBytes)});
    return true;
  };
  std::erase_if(out_.lines,
                [&](const ImportLine& line) { return is_too_much(line.option->key, line); });
  std::erase_if(out_.tests, [&](const ImportTest& test) { return is_too_much("test", test); });
}

Imported ImportDraft::Finish() && {
  SettleProject();
  LetDenyWin();
  KeepWhatAPolicyTakes();
  return std::move(out_);
}

}  // namespace ambit::policy
