// Codex: config.toml. Reading is allowed everywhere, writing by `sandbox_mode`; the newer
// permission profiles list paths and hosts. They count only where no `sandbox_mode` stands, so an
// import takes one or the other.
#include <fmt/format.h>

#include <algorithm>

#include "policy/import_rules.h"

namespace ambit::policy {
namespace {

constexpr const char* kOtherProfile = "a profile that is not chosen";
constexpr const char* kNoNames = "names do not resolve inside a run yet";

void TakeSandboxMode(ImportDraft& draft, const Said& said) {
  if (said.text == "read-only") return draft.SetProject("ro", said.setting);
  if (said.text == "workspace-write") return draft.SetProject("cow", said.setting);
  draft.HasNoEquivalent(said, "nothing runs without a sandbox");
}

Rules WorkspaceRules() {
  return {
      {"writable_roots", Texts(&ImportDraft::ShowWritable)},
      {"network_access", Either(Missing(kNoNames), Holding("closed but for what is listed"))},
      {"exclude_tmpdir_env_var", Either(Missing("a run has a /tmp of its own, which is writable"),
                                        Holding("a run has a /tmp of its own, which is writable"))},
      {"exclude_slash_tmp", Either(Missing("a run has a /tmp of its own, which is writable"),
                                   Holding("a run has a /tmp of its own, which is writable"))},
  };
}

/// A `*` in a pattern of names stands for anything; letters of either case are the same.
bool Fits(std::string_view name, std::string_view pattern) {
  const auto same = [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return b == '?' || lower(a) == lower(b);
  };
  std::size_t n = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after_star = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] != '*' && same(name[n], pattern[p])) {
      ++n;
      ++p;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.substr(p).find_first_not_of('*') == std::string_view::npos;
}

void TakeInherit(ImportDraft& draft, const Said& said) {
  if (said.text == "all") {
    return draft.HasNoEquivalent(said,
                                 "only variables that are listed cross; name them in env.pass");
  }
  draft.Holds(said, "besides the base list only variables that are listed cross");
}

Rules EnvironmentRules(const Tree* policy) {
  const std::vector<std::string> excluded =
      TextsOf(policy != nullptr ? policy->Find("exclude") : nullptr);
  return {
      {"inherit", TextsBy(TakeInherit)},
      {"include_only", TextsBy([excluded](ImportDraft& draft, const Said& said) {
         if (std::ranges::any_of(
                 excluded, [&](const std::string& pattern) { return Fits(said.text, pattern); })) {
           return draft.HasNoEquivalent(said, "is excluded as well");
         }
         draft.PassVariable(said);
       })},
      {"exclude", Texts(&ImportDraft::DenyVariable)},
      {"set", Variables()},
      {"ignore_default_excludes",
       Either(Missing("no variable crosses that is not listed, whatever its name"),
              Holding("no variable crosses that is not listed, whatever its name"))},
      {"experimental_use_profile", OfTheProgram()},
      {"use_profile", OfTheProgram()},
  };
}

/// "read", "write", "none" or "deny" of a path as it is written below `top`.
void TakeAccess(ImportDraft& draft, const Tree& value, const std::string& path,
                const std::string& setting) {
  const Said said{.text = path, .setting = setting};
  if (value.text == "none" || value.text == "deny") return draft.Hide(said);
  if (value.text == "read" && path == ".") return draft.SetProject("ro", setting);
  if (value.text == "read") return draft.ShowReadOnly(said);
  if (value.text == "write") return draft.ShowWritable(said);
  draft.HasNoEquivalent(said, "not what this import knows to stand here");
}

void TakeSpecialPath(ImportDraft& draft, const Tree& value, const std::string& name,
                     const std::string& setting) {
  const Said said{.text = name, .setting = setting};
  if (name == ":project_roots" || name == ":workspace_roots") {
    if (!value.Is(Tree::Kind::kTable)) return TakeAccess(draft, value, ".", setting);
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const std::string& path = value.names[i];
      TakeAccess(draft, value.items[i], path.starts_with('/') ? "." + path : path,
                 fmt::format("{}.\"{}\"", setting, name));
    }
  } else if (name == ":tmpdir" || name == ":slash_tmp") {
    draft.Holds(said, "a run has a /tmp of its own, which is writable");
  } else if (name == ":minimal") {
    draft.Holds(said, "every run sees the system's programs, read-only");
  } else {
    draft.HasNoEquivalent(said,
                          "ambit shows neither the whole machine nor a whole home: list what "
                          "is needed of it");
  }
}

void TakeFilesystem(ImportDraft& draft, const Entry& entry) {
  for (std::size_t i = 0; i < entry.value.names.size(); ++i) {
    const std::string& name = entry.value.names[i];
    if (name.starts_with(':')) {
      TakeSpecialPath(draft, entry.value.items[i], name, entry.setting);
    } else if (name == "glob_scan_max_depth") {
      draft.Holds({.text = name, .setting = entry.setting}, "nothing is searched for");
    } else {
      TakeAccess(draft, entry.value.items[i], name, entry.setting);
    }
  }
}

void TakeDomains(ImportDraft& draft, const Entry& entry) {
  for (std::size_t i = 0; i < entry.value.names.size(); ++i) {
    const Said said{.text = entry.value.names[i], .setting = entry.setting};
    entry.value.items[i].text == "deny" ? draft.DenyHost(said) : draft.AllowHost(said);
  }
}

Rules PermissionRules() {
  return {
      {"description", Nothing()},
      {"extends", Missing("what it inherits is not imported")},
      {"filesystem", Only(Tree::Kind::kTable, TakeFilesystem)},
      {"workspace_roots",
       Missing("a run has one project; other directories are shown with fs.cow")},
      {"network",
       Section({{"enabled", Either(Missing(kNoNames), Holding("closed but for what is listed"))},
                {"mode", Missing(kNoNames)},
                {"domains", Only(Tree::Kind::kTable, TakeDomains)},
                {"unix_sockets", Missing("sockets of the host cannot be reached")},
                {"allow_local_binding", Holding("a run has a loopback of its own")}})},
  };
}

/// The chosen one of `[permissions.*]`.
Handle Permissions(const Tree& settings, bool older_ones_count) {
  const Tree* chosen = settings.Find("default_permissions");
  const std::string name = chosen != nullptr && !older_ones_count ? chosen->text : "";
  return [name](ImportDraft& draft, const Entry& entry) {
    Rules rules;
    if (!name.empty()) rules[name] = Section(PermissionRules());
    Follow(draft, entry, rules, Missing(kOtherProfile));
  };
}

void TakeDefaultPermissions(ImportDraft& draft, const Said& said) {
  if (said.text == ":read-only") return draft.SetProject("ro", said.setting);
  if (said.text == ":workspace") return draft.SetProject("cow", said.setting);
  if (said.text.starts_with(':')) return TakeSandboxMode(draft, said);
  draft.Holds(said, "the profile that was imported");
}

/// `[profiles.NAME]` says what the top says, and wins.
const Tree* ChosenProfile(const Tree& settings) {
  const Tree* name = settings.Find("profile");
  const Tree* profiles = settings.Find("profiles");
  return name != nullptr && profiles != nullptr ? profiles->Find(name->text) : nullptr;
}

constexpr const char* kAsksNothing =
    "a run asks nothing while it runs: inside, Codex may be told to ask nothing either";

}  // namespace

void ImportCodex(ImportDraft& draft, const Tree& settings) {
  const Tree* profile = ChosenProfile(settings);
  const Tree* of_profile = profile != nullptr ? profile->Find("sandbox_mode") : nullptr;
  const bool older = of_profile != nullptr || settings.Find("sandbox_mode") != nullptr;
  const Rules in_profile = {{"sandbox_mode", TextsBy(TakeSandboxMode)},
                            {"approval_policy", Missing(kAsksNothing)}};
  Rules top = {
      {"sandbox_mode", TextsBy(TakeSandboxMode)},
      {"sandbox_workspace_write", Section(WorkspaceRules())},
      {"shell_environment_policy",
       Section(EnvironmentRules(settings.Find("shell_environment_policy")))},
      {"approval_policy", Missing(kAsksNothing)},
      {"approvals_reviewer", Missing(kAsksNothing)},
      {"default_permissions",
       older ? Missing("does not count beside sandbox_mode") : TextsBy(TakeDefaultPermissions)},
      {"permissions", Permissions(settings, older)},
      {"profile", Nothing()},
      {"projects", Holding("what is trusted is said to ambit with 'ambit trust'")},
  };
  if (of_profile != nullptr) top["sandbox_mode"] = Missing("the chosen profile says otherwise");
  top["profiles"] = [&](ImportDraft& out, const Entry& entry) {
    Rules rules;
    if (profile != nullptr) {
      rules[settings.Find("profile")->text] = [&](ImportDraft& o, const Entry& chosen) {
        Follow(o, chosen, in_profile, OfTheProgram());
      };
    }
    Follow(out, entry, rules, Missing(kOtherProfile));
  };
  Follow(draft, {.value = settings, .setting = {}}, top, OfTheProgram());
}

}  // namespace ambit::policy
