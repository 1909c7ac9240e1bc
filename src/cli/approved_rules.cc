#include "cli/approved_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/fd.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/effective_policy.h"
#include "cli/runs.h"
#include "policy/toml_reader.h"
#include "sys/file.h"

namespace ambit::cli {
namespace {

constexpr const char* kAllow = "net.allow";
constexpr const char* kDeny = "net.deny";

std::vector<std::string> ListIn(const policy::Document& document, const char* key) {
  std::vector<std::string> texts;
  const policy::Setting* setting = document.Find(key);
  if (setting == nullptr) return texts;
  for (const policy::Item& item : setting->items) texts.push_back(item.text);
  return texts;
}

/// A rule has neither quotes nor backslashes (policy/net_rules.h), so it is a string as it stands.
std::string AsToml(std::string_view name, const std::vector<std::string>& rules) {
  std::string text = fmt::format("{} = [\n", name);
  for (const std::string& rule : rules) text += fmt::format("  \"{}\",\n", rule);
  return text + "]\n";
}

Result<policy::Document> Read(const std::string& path) {
  auto text = sys::ReadSmallFile(AT_FDCWD, path.c_str(), policy::kMaxPolicyBytes);
  if (!text && text.error().sys_errno == ENOENT) return policy::Document{};
  if (!text) return std::unexpected(std::move(text).error());
  policy::ReadPolicy read = policy::ReadToml(*text, policy::SourceKind::kUser, path);
  if (read.mistakes.empty()) return std::move(read.document);
  return Fail(Errc::kInvalidArgument, policy::Describe(read.mistakes.front()),
              "mend the file, or remove it");
}

/// Where the file lies, held against everybody else who writes there.
Result<Fd> LockDirectoryOf(const std::filesystem::path& file) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  AMBIT_TRY(Fd directory,
            sys::OpenAt(AT_FDCWD, file.parent_path().c_str(), O_RDONLY | O_DIRECTORY));
  if (::flock(directory.get(), LOCK_EX) == 0) return directory;
  return FailErrno(errno, fmt::format("lock '{}'", Printable(file.parent_path().string())));
}

/// A reader sees the old file or the new one.
Status Replace(int directory, const std::string& name, const std::string& text) {
  const std::string fresh = name + ".new";  // one that is there was left by a crash
  ::unlinkat(directory, fresh.c_str(), 0);
  AMBIT_CHECK(sys::WriteNewFile(directory, fresh.c_str(), text, 0600));
  if (::renameat(directory, fresh.c_str(), directory, name.c_str()) == 0) return {};
  const int failed = errno;
  ::unlinkat(directory, fresh.c_str(), 0);
  return FailErrno(failed, fmt::format("write '{}'", Printable(name)));
}

/// `about` stands at the head: what the file is for.
Status Add(const std::string& path, const supervise::Approvals::Verdict& verdict,
           const std::string& about) {
  const std::string rule(verdict.target);
  const std::filesystem::path file(path);
  AMBIT_TRY(const Fd directory, LockDirectoryOf(file));
  AMBIT_TRY(const policy::Document document, Read(path));
  std::vector<std::string> allowed = ListIn(document, kAllow);
  std::vector<std::string> denied = ListIn(document, kDeny);
  std::erase(allowed, rule);
  std::erase(denied, rule);
  (verdict.allow ? allowed : denied).push_back(rule);
  return Replace(directory.get(), file.filename(),
                 fmt::format("# {}\n# Written by 'ambit approve' and 'ambit deny'; take out "
                             "a line to take it back.\n[net]\n{}{}",
                             about, AsToml("allow", allowed), AsToml("deny", denied)));
}

}  // namespace

std::string ApprovedAlwaysPath(const host::Person& person) {
  return std::filesystem::path(UserPolicyPath(person)).parent_path() / "approved.toml";
}

std::string ApprovedInProjectPath(const std::string& runs_root, const std::string& project) {
  const auto directory = std::filesystem::path(runs_root).parent_path() / "approved";
  return directory / (Sha256Hex(project) + ".toml");
}

Status WriteApproved(const host::Person& person, const std::string& project,
                     const supervise::Approvals::Verdict& verdict) {
  if (verdict.scope == supervise::Scope::kAlways) {
    return Add(ApprovedAlwaysPath(person), verdict, "For all runs.");
  }
  if (verdict.scope != supervise::Scope::kProject) return {};
  return Add(ApprovedInProjectPath(RunsRootOf(person), project), verdict,
             fmt::format("For runs in {}", Printable(project)));
}

}  // namespace ambit::cli
