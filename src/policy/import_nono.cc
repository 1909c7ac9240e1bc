// nono: a profile, one JSON file with comments. Paths are listed as in ambit, on top of what the
// groups and the profiles it inherits list; the network and the environment are open but for what
// is closed.
#include <utility>

#include "policy/import_rules.h"
#include "policy/presets.h"

namespace ambit::policy {
namespace {

constexpr const char* kNotBuilt =
    "placeholders that become the secret on the way out are not built yet";
constexpr const char* kNoCommandRules =
    "commands are not told apart by their words: what a run can reach is limited, whatever it "
    "starts";
constexpr const char* kOnHost = "nothing of a run is started outside of it";
constexpr const char* kUndo =
    "nothing of the host's is written before 'ambit apply', and 'ambit "
    "undo' takes that back";
constexpr const char* kOwnProcesses = "a run sees and reaches its own processes only";

/// Its variables in paths, as far as they mean a place that ambit knows.
std::string WithoutVariables(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
      {"$HOME", "~"},
      {"${HOME}", "~"},
      {"$WORKDIR", "."},
      {"$TMPDIR", "/tmp"},
      {"$XDG_CONFIG_HOME", "~/.config"},
      {"$XDG_CACHE_HOME", "~/.cache"},
      {"$XDG_DATA_HOME", "~/.local/share"},
      {"$XDG_STATE_HOME", "~/.local/state"}};
  for (const auto& [variable, place] : kKnown) {
    if (!text.starts_with(variable)) continue;
    const std::string_view rest = std::string_view(text).substr(variable.size());
    if (rest.empty() || rest[0] == '/') return std::string(place) + std::string(rest);
  }
  return text;
}

/// A path, or {path, when: PLATFORM}.
Handle Paths(void (ImportDraft::*take)(const Said&)) {
  return Only(Tree::Kind::kList, [take](ImportDraft& draft, const Entry& entry) {
    for (const Tree& item : entry.value.items) {
      const Tree* path = item.Is(Tree::Kind::kTable) ? item.Find("path") : &item;
      const Tree* when = item.Find("when");
      Said said{.text = path != nullptr ? path->text : "", .setting = entry.setting};
      if (when != nullptr) {
        draft.HasNoEquivalent(said, "holds on some systems only, which a policy file cannot say");
      } else if (said.text = WithoutVariables(said.text); said.text.contains('$')) {
        draft.HasNoEquivalent(said, "a variable in a path that this import does not know");
      } else {
        (draft.*take)(said);
      }
    }
  });
}

/// A preset of ambit stands in for a profile of the same agent.
void Inherit(ImportDraft& draft, const Said& said) {
  std::string_view preset = said.text;
  if (preset == "claude-code") preset = "claude";
  if (FindPreset(preset) != nullptr) return draft.AddPreset(preset, said);
  draft.HasNoEquivalent(said,
                        "what it inherits is not in this file; 'ambit preset list' has what "
                        "ambit knows of agents");
}

/// A name, or {domain, endpoints...}.
void TakeDomains(ImportDraft& draft, const Entry& entry) {
  for (const Tree& item : entry.value.items) {
    const Tree* domain = item.Is(Tree::Kind::kTable) ? item.Find("domain") : &item;
    draft.AllowHost(
        {.text = domain != nullptr ? domain->text : "a table", .setting = entry.setting});
  }
}

void TakeWorkdir(ImportDraft& draft, const Said& said) {
  if (said.text == "read") return draft.SetProject("ro", said.setting);
  if (said.text == "write" || said.text == "readwrite")
    return draft.SetProject("cow", said.setting);
  draft.HasNoEquivalent(said,
                        "the project is what a run is about; with fs.project = \"ro\" it can "
                        "only be read");
}

Rules NetworkRules() {
  return {
      {"block", Either(Holding("closed but for what is listed"),
                       Missing("open there; names do not resolve inside a run yet"))},
      {"allow_domain", Only(Tree::Kind::kList, TakeDomains)},
      {"proxy_allow", Only(Tree::Kind::kList, TakeDomains)},
      {"allow_proxy", Only(Tree::Kind::kList, TakeDomains)},
      {"network_profile", Missing("its names do not resolve inside a run yet")},
      {"open_port", Texts(&ImportDraft::OpenHostPort)},
      {"port_allow", Texts(&ImportDraft::OpenHostPort)},
      {"allow_port", Texts(&ImportDraft::OpenHostPort)},
      {"listen_port",
       Missing("a run may listen, but on a loopback of its own: nobody else reaches it")},
      {"credentials", MissingUnsaid(kNotBuilt)},
      {"proxy_credentials", MissingUnsaid(kNotBuilt)},
      {"custom_credentials", MissingUnsaid(kNotBuilt)},
      {"allow_http2", OfItsProxy()},
      {"tls_intercept", OfItsProxy()},
      {"upstream_proxy", OfItsProxy()},
      {"external_proxy", OfItsProxy()},
      {"upstream_bypass", OfItsProxy()},
      {"external_proxy_bypass", OfItsProxy()},
  };
}

Rules FilesystemRules() {
  return {
      {"allow", Paths(&ImportDraft::ShowWritable)},
      {"write", Paths(&ImportDraft::ShowWritable)},
      {"allow_file", Paths(&ImportDraft::ShowWritable)},
      {"write_file", Paths(&ImportDraft::ShowWritable)},
      {"read", Paths(&ImportDraft::ShowReadOnly)},
      {"read_file", Paths(&ImportDraft::ShowReadOnly)},
      {"deny", Paths(&ImportDraft::Hide)},
      {"bypass_protection", Holding("nothing is protected that is listed")},
      {"suppress_save_prompt", OfTheProgram()},
      {"ignore", OfTheProgram()},
  };
}

Handle Environment() {
  const Rules rules = {{"allow_vars", Texts(&ImportDraft::PassVariable)},
                       {"deny_vars", Texts(&ImportDraft::DenyVariable)},
                       {"set_vars", Variables()}};
  return Only(Tree::Kind::kTable, Section(rules));
}

}  // namespace

void ImportNono(ImportDraft& draft, const Tree& settings) {
  static const Rules kTop = {
      {"$schema", Nothing()},
      {"meta", Nothing()},
      {"extends", TextsBy(Inherit)},
      {"groups", Section({{"include", Missing("the rules of its groups are not in this file")},
                          {"exclude", Holding("none of its groups holds here")}})},
      {"filesystem", Section(FilesystemRules())},
      {"network", Section(NetworkRules())},
      {"environment", Environment()},
      {"workdir", Section({{"access", TextsBy(TakeWorkdir)}})},
      {"env_credentials", MissingUnsaid(kNotBuilt)},
      {"secrets", MissingUnsaid(kNotBuilt)},
      {"credential_capture", MissingUnsaid(kNotBuilt)},
      {"commands",
       Section({{"allow", Missing(kNoCommandRules)}, {"deny", Missing(kNoCommandRules)}})},
      {"command_policies", Missing(kNoCommandRules)},
      {"command_args", Missing("write them behind the command")},
      {"security",
       Section({{"signal_mode", Holding(kOwnProcesses)},
                {"process_info_mode", Holding(kOwnProcesses)},
                {"ipc_mode", Holding(kOwnProcesses)},
                {"capability_elevation", Missing("a run asks for nothing once it runs")},
                {"wsl2_proxy_policy", OfItsProxy()}})},
      {"linux", Section({{"af_unix_mediation", Holding("sockets of the host cannot be reached")}})},
      {"hooks", Missing(kOnHost)},
      {"session_hooks", Missing(kOnHost)},
      {"open_urls", Missing(kOnHost)},
      {"allow_launch_services", Holding("of another system")},
      {"unsafe_macos_seatbelt_rules", Holding("of another system")},
      {"allow_gpu", Either(Missing("devices of the host cannot be reached"),
                           Holding("devices of the host cannot be reached"))},
      {"packs", Missing("no business of ambit's")},
      {"interactive", Holding("a run has terminals of its own")},
      {"rollback", Holding(kUndo)},
      {"undo", Holding(kUndo)},
      {"diagnostics", OfTheProgram()},
  };
  Follow(draft, {.value = settings, .setting = {}}, kTop, Unknown());
}

}  // namespace ambit::policy
