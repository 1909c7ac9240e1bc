// fence: one JSON file with comments. Reading is allowed everywhere but in `denyRead`, writing only
// in `allowWrite`; `defaultDenyRead` turns reading into a list of what is allowed.
#include "policy/import_rules.h"

namespace ambit::policy {
namespace {

constexpr const char* kNoCommandRules =
    "commands are not told apart by their words: what a run can reach is limited, whatever it "
    "starts";
constexpr const char* kNoSsh = "a run holds no ssh key and reaches no other machine";
constexpr const char* kNoSockets = "sockets of the host cannot be reached";
constexpr const char* kNotInherited =
    "what it inherits is not in this file: 'fence config show' prints all of it";

/// Ports of the host count only where leaving for the loopback is allowed, which follows
/// `allowLocalBinding` when it is not said.
bool MayLeaveForLoopback(const Tree* network) {
  if (network == nullptr) return false;
  const Tree* said = network->Find("allowLocalOutbound");
  if (said == nullptr || said->Is(Tree::Kind::kNull)) said = network->Find("allowLocalBinding");
  return said != nullptr && said->truth;
}

void TakeDeviceMode(ImportDraft& draft, const Said& said) {
  constexpr const char* kOwnDevices = "a run has a small /dev of its own";
  said.text == "host" ? draft.HasNoEquivalent(said, kOwnDevices) : draft.Holds(said, kOwnDevices);
}

Rules NetworkRules(bool leaves_for_loopback) {
  return {
      {"allowedDomains", Texts(&ImportDraft::AllowHost)},
      {"deniedDomains", Texts(&ImportDraft::DenyHost)},
      {"allowLocalOutboundPorts", leaves_for_loopback
                                      ? Texts(&ImportDraft::OpenHostPort)
                                      : Holding("allowLocalOutbound is off, so they are closed")},
      {"allowLocalOutbound", Either(Holding("the ports stand in net.host_ports"),
                                    Holding("closed but for what is listed"))},
      {"allowLocalBinding",
       Either(Holding("a run has a loopback of its own"),
              Missing("a run may always listen on its own loopback, which nobody else reaches"))},
      {"allowUnixSockets", Missing(kNoSockets)},
      {"allowAllUnixSockets", Either(Missing(kNoSockets), Holding(kNoSockets))},
      {"httpProxyPort", OfItsProxy()},
      {"socksProxyPort", OfItsProxy()},
      {"upstreamProxy", OfItsProxy()},
      {"defaultAction", OfItsProxy()},
  };
}

const Rules& FilesystemRules() {
  static const Rules kRules = {
      {"denyRead", Texts(&ImportDraft::Hide)},
      {"allowRead", Texts(&ImportDraft::ShowReadOnly)},
      {"allowExecute", Texts(&ImportDraft::ShowReadOnly)},
      {"allowWrite", Texts(&ImportDraft::ShowWritable)},
      {"denyWrite", Texts(&ImportDraft::DenyWrite)},
      {"defaultDenyRead",
       Either(Holding("only what is listed is shown"),
              Missing("ambit shows only what is listed; list with fs.ro what is needed"))},
      {"strictDenyRead", Either(Missing("every run sees the system's programs, read-only"),
                                Holding("every run sees the system's programs, read-only"))},
      {"allowGitConfig",
       Either(Missing("the repository's configuration may be changed inside and never comes over"),
              Holding("'ambit apply' writes nothing below a .git"))},
      {"wslInterop", Missing("programs of Windows cannot be started from inside")},
  };
  return kRules;
}

}  // namespace

void ImportFence(ImportDraft& draft, const Tree& settings) {
  const Rules top = {
      {"$schema", Nothing()},
      {"extends", Missing(kNotInherited)},
      {"network", Section(NetworkRules(MayLeaveForLoopback(settings.Find("network"))))},
      {"filesystem", Section(FilesystemRules())},
      {"devices", Section({{"mode", TextsBy(TakeDeviceMode)},
                           {"allow", Missing("devices of the host cannot be reached")}})},
      {"command", Section({{"deny", Missing(kNoCommandRules)},
                           {"allow", Missing(kNoCommandRules)},
                           {"useDefaults", Missing(kNoCommandRules)},
                           {"runtimeExecPolicy", Missing(kNoCommandRules)},
                           {"acceptSharedBinaryCannotRuntimeDeny", Missing(kNoCommandRules)}})},
      {"ssh", Section({{"allowedHosts", Missing(kNoSsh)},
                       {"deniedHosts", Holding(kNoSsh)},
                       {"allowedCommands", Missing(kNoSsh)},
                       {"deniedCommands", Holding(kNoSsh)},
                       {"allowAllCommands", Missing(kNoSsh)},
                       {"inheritDeny", Holding(kNoSsh)}})},
      {"macos", Holding("of another system")},
      {"allowPty", Holding("a run has terminals of its own")},
      {"forceNewSession", Holding("a run has terminals of its own")},
  };
  if (settings.Find("extends") == nullptr) {  // else what it inherits may name the project
    draft.ProjectIsReadOnlyUnlessWritten("filesystem.allowWrite does not name the project");
  }
  Follow(draft, {.value = settings, .setting = {}}, top, Unknown());
}

}  // namespace ambit::policy
