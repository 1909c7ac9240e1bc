// sandbox-runtime: one JSON file. Reading is allowed everywhere but in `denyRead` (and there again
// in `allowRead`), writing only in `allowWrite`. Its proxy's settings and the lists it always
// denies have no place here.
#include "policy/import_rules.h"

namespace ambit::policy {
namespace {

constexpr const char* kPlaceholders =
    "placeholders that become the secret on the way out are not built yet";

/// A file or variable with a credential: {path|name, mode: deny|mask, ...}.
void TakeCredential(ImportDraft& draft, const Entry& entry, std::string_view key,
                    void (ImportDraft::*deny)(const Said&)) {
  for (const Tree& item : entry.value.items) {
    const Tree* name = item.Find(key);
    const Tree* mode = item.Find("mode");
    const Said said{.text = name != nullptr ? name->text : "", .setting = entry.setting};
    if (name == nullptr || mode == nullptr) {
      draft.HasNoEquivalent(said, "not what this import knows to stand here");
      continue;
    }
    (draft.*deny)(said);
    if (mode->text != "deny") draft.HasNoEquivalent(said, kPlaceholders);
  }
}

Handle Credential(std::string_view key, void (ImportDraft::*deny)(const Said&)) {
  return Only(Tree::Kind::kList, [key, deny](ImportDraft& draft, const Entry& entry) {
    TakeCredential(draft, entry, key, deny);
  });
}

const Rules& TopRules() {
  static const Rules kNetwork = {
      {"allowedDomains", Texts(&ImportDraft::AllowHost)},
      {"deniedDomains", Texts(&ImportDraft::DenyHost)},
      {"strictAllowlist", Holding("no network but what is listed")},
      {"allowUnixSockets", Missing("sockets of the host cannot be reached")},
      {"allowAllUnixSockets", Either(Missing("sockets of the host cannot be reached"),
                                     Holding("sockets of the host cannot be reached"))},
      {"allowLocalBinding",
       Either(Holding("a run has a loopback of its own"),
              Missing("a run may always listen on its own loopback, which nobody else reaches"))},
      {"httpProxyPort", OfItsProxy()},
      {"socksProxyPort", OfItsProxy()},
      {"mitmProxy", OfItsProxy()},
      {"parentProxy", OfItsProxy()},
      {"tlsTerminate", OfItsProxy()},
  };
  static const Rules kFilesystem = {
      {"denyRead", Texts(&ImportDraft::Hide)},
      {"allowRead", Texts(&ImportDraft::ReopenReadOnly)},
      {"allowWrite", Texts(&ImportDraft::ShowWritable)},
      {"denyWrite", Texts(&ImportDraft::DenyWrite)},
      {"allowGitConfig",
       Either(Missing("the repository's configuration may be changed inside and never comes over"),
              Holding("'ambit apply' writes nothing below a .git"))},
  };
  static const Rules kCredentials = {
      {"files", Credential("path", &ImportDraft::Hide)},
      {"envVars", Credential("name", &ImportDraft::DenyVariable)},
  };
  static const Rules kTop = {
      {"$schema", Nothing()},
      {"network", Section(kNetwork)},
      {"filesystem", Section(kFilesystem)},
      {"credentials", Section(kCredentials)},
      {"ignoreViolations", OfTheProgram()},
      {"ripgrep", OfTheProgram()},
      {"mandatoryDenySearchDepth", Holding("nothing is searched for")},
      {"enableWeakerNestedSandbox", Either(Missing("a wall that cannot be built stops a run"),
                                           Holding("a wall that cannot be built stops a run"))},
      {"allowPty", Holding("a run has terminals of its own")},
  };
  return kTop;
}

}  // namespace

void ImportSrt(ImportDraft& draft, const Tree& settings) {
  draft.ProjectIsReadOnlyUnlessWritten("filesystem.allowWrite does not name the project");
  Follow(draft, {.value = settings, .setting = {}}, TopRules(), Unknown());
}

}  // namespace ambit::policy
