// Claude Code: settings.json. Two things stand in it: permission rules, `TOOL` or `TOOL(WHAT)`,
// which Claude Code itself holds to for its own tools; and `sandbox`, which the kernel holds to,
// for the commands it starts. Paths of `Read` and `Edit` rules are patterns as in .gitignore.
#include <fmt/format.h>

#include "policy/import_rules.h"

namespace ambit::policy {
namespace {

constexpr const char* kNoCommandRules =
    "commands are not told apart by their words: what a run can reach is limited, whatever it "
    "starts";
constexpr const char* kOfItsTools =
    "a rule for its own tools, which Claude Code goes on to hold to where it finds its settings";
constexpr const char* kAsksNothing = "a run asks nothing while it runs";
constexpr const char* kAllInside = "the whole agent is inside, not only its commands";
constexpr const char* kNoSockets = "sockets of the host cannot be reached";

struct Rule {
  std::string tool;
  std::string what;  // empty: all
};

Rule ParseRule(const std::string& text) {
  const std::size_t open = text.find('(');
  if (open == std::string::npos || !text.ends_with(')')) return {.tool = text, .what = {}};
  return {.tool = text.substr(0, open), .what = text.substr(open + 1, text.size() - open - 2)};
}

/// `//x` is absolute and `/x` stands below the place of the settings; what is relative stands below
/// the working directory wherever the settings lie, and a name without a slash is meant at any
/// depth, as in .gitignore.
std::string PathOfRule(std::string_view what, const ImportDraft& draft) {
  if (what.starts_with("//")) return std::string(what.substr(1));
  if (what.starts_with('/')) return draft.file().base + std::string(what);
  if (what == "~" || what.starts_with("~/")) return std::string(what);
  const bool anywhere = !what.contains('/') && what != "." && what != "..";
  return fmt::format("{}/{}{}", draft.host().project, anywhere ? "**/" : "", what);
}

bool Reads(const Rule& rule) { return rule.tool == "Read"; }
bool Writes(const Rule& rule) {
  return rule.tool == "Edit" || rule.tool == "Write" || rule.tool == "MultiEdit" ||
         rule.tool == "NotebookEdit";
}
bool StartsCommands(const Rule& rule) { return rule.tool == "Bash" || rule.tool == "PowerShell"; }

constexpr std::string_view kDomain = "domain:";

/// What a rule says beside paths and hosts. True: it was noted.
bool NoteOther(ImportDraft& draft, const Said& said, const Rule& rule) {
  if (StartsCommands(rule)) {
    draft.HasNoEquivalent(said, kNoCommandRules);
  } else if (rule.what.empty() ||
             (!Reads(rule) && !Writes(rule) && !rule.what.starts_with(kDomain))) {
    draft.HasNoEquivalent(said, kOfItsTools);
  } else {
    return false;
  }
  return true;
}

/// The path of a rule for the draft, with the rule as it stands for the notes.
Said PathSaid(const ImportDraft& draft, const Said& said, const Rule& rule) {
  return {.text = PathOfRule(rule.what, draft),
          .setting = fmt::format("{} {}", said.setting, rule.tool)};
}

void Deny(ImportDraft& draft, const Said& said) {
  const Rule rule = ParseRule(said.text);
  if (NoteOther(draft, said, rule)) return;
  if (Reads(rule)) return draft.Hide(PathSaid(draft, said, rule));
  if (Writes(rule)) return draft.DenyWrite(PathSaid(draft, said, rule));
  draft.DenyHost({.text = rule.what.substr(kDomain.size()), .setting = said.setting});
}

void Allow(ImportDraft& draft, const Said& said) {
  const Rule rule = ParseRule(said.text);
  if (NoteOther(draft, said, rule)) return;
  if (Reads(rule)) return draft.ShowReadOnly(PathSaid(draft, said, rule));
  if (!Writes(rule)) {
    return draft.AllowHost({.text = rule.what.substr(kDomain.size()), .setting = said.setting});
  }
  const Said path = PathSaid(draft, said, rule);
  if (path.text.starts_with(draft.host().project + "/")) {
    return draft.Holds(said, "the project can be changed inside");
  }
  draft.ShowWritable(path);
}

/// Relative to the working directory as well.
void AddDirectory(ImportDraft& draft, const Said& said) {
  const bool relative = !said.text.empty() && said.text[0] != '/' && said.text[0] != '~';
  draft.ShowWritable({.text = relative ? draft.host().project + "/" + said.text : said.text,
                      .setting = said.setting});
}

void Ask(ImportDraft& draft, const Said& said) { draft.HasNoEquivalent(said, kAsksNothing); }

Rules SandboxFilesystem() {
  return {
      {"denyRead", Texts(&ImportDraft::Hide)},
      {"allowRead", Texts(&ImportDraft::ReopenReadOnly)},
      {"allowWrite", Texts(&ImportDraft::ShowWritable)},
      {"denyWrite", Texts(&ImportDraft::DenyWrite)},
      {"allowManagedReadPathsOnly",
       Missing("a bound for everybody is said in /etc/ambit/policy.toml")},
      {"disabled", Either(Missing("nothing runs without a sandbox"),
                          Holding("nothing runs without a sandbox"))},
  };
}

Rules SandboxNetwork() {
  return {
      {"allowedDomains", Texts(&ImportDraft::AllowHost)},
      {"deniedDomains", Texts(&ImportDraft::DenyHost)},
      {"allowUnixSockets", Missing(kNoSockets)},
      {"allowAllUnixSockets", Either(Missing(kNoSockets), Holding(kNoSockets))},
      {"allowLocalBinding",
       Either(Holding("a run has a loopback of its own"),
              Missing("a run may always listen on its own loopback, which nobody else reaches"))},
      {"allowManagedDomainsOnly",
       Missing("a bound for everybody is said in /etc/ambit/policy.toml")},
      {"httpProxyPort", OfItsProxy()},
      {"socksProxyPort", OfItsProxy()},
      {"allowMachLookup", Holding("of another system")},
  };
}

Rules SandboxRules() {
  return {
      {"enabled", Either(Holding(kAllInside), Missing("nothing runs without a sandbox"))},
      {"failIfUnavailable", Either(Holding("a wall that cannot be built stops a run"),
                                   Missing("a wall that cannot be built stops a run"))},
      {"autoAllowBashIfSandboxed",
       Either(Holding("the preset claude tells it that it is in a sandbox"),
              Missing("the preset claude tells it that it is in a sandbox"))},
      {"excludedCommands", Missing("nothing of a run is started outside of it")},
      {"allowUnsandboxedCommands", Either(Missing("nothing of a run is started outside of it"),
                                          Holding("nothing of a run is started outside of it"))},
      {"filesystem", Section(SandboxFilesystem())},
      {"network", Section(SandboxNetwork())},
      {"ignoreViolations", OfTheProgram()},
      {"enableWeakerNestedSandbox", Either(Missing("a wall that cannot be built stops a run"),
                                           Holding("a wall that cannot be built stops a run"))},
      {"enableWeakerNetworkIsolation", Either(Missing("a wall that cannot be built stops a run"),
                                              Holding("a wall that cannot be built stops a run"))},
      {"ripgrep", OfTheProgram()},
  };
}

Rules PermissionRules() {
  return {
      {"allow", TextsBy(Allow)},
      {"deny", TextsBy(Deny)},
      {"ask", TextsBy(Ask)},
      {"additionalDirectories", TextsBy(AddDirectory)},
      {"defaultMode", Missing(kOfItsTools)},
      {"disableBypassPermissionsMode", Missing(kOfItsTools)},
      {"disableAutoMode", Missing(kOfItsTools)},
  };
}

}  // namespace

void ImportClaude(ImportDraft& draft, const Tree& settings) {
  static const Rules kTop = {
      {"$schema", Nothing()},
      {"permissions", Section(PermissionRules())},
      {"sandbox", Section(SandboxRules())},
      {"env", Variables()},
      {"apiKeyHelper",
       MissingUnsaid("nothing of a run is started outside of it; a key crosses with --env")},
      {"awsCredentialExport", MissingUnsaid("nothing of a run is started outside of it")},
      {"awsAuthRefresh", MissingUnsaid("nothing of a run is started outside of it")},
      {"hooks",
       Missing("they run inside, where Claude Code finds its settings and their programs")},
  };
  Follow(draft, {.value = settings, .setting = {}}, kTop, OfTheProgram());
}

}  // namespace ambit::policy
