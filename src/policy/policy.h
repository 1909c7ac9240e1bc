#pragma once
// What one run may do. A plain value: no I/O, nothing taken from the host; equal values give equal
// plans. Default-constructed it allows what `ambit run` allows with no policy at all.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "policy/document.h"
#include "policy/limits.h"
#include "policy/net_rules.h"
#include "policy/published_port.h"

namespace ambit::policy {

enum class ProjectMode : std::uint8_t {
  kCopyOnWrite,  // the agent writes into the run's own layer; the host's tree does not change
  kReadOnly,
  kReadWrite,  // the host's tree itself: no diff, no gate, no undo
};

/// Whether what the host would run or obey by itself comes back from a run (review/gate.h).
enum class AutoExec : std::uint8_t {
  kDeny,   // never, whoever consents
  kAsk,    // with a consent by name
  kAllow,  // as any other file
};

/// Which calls on files are journalled, beside what starts and ends.
enum class AuditFiles : std::uint8_t {
  kOff,     // none, and no process either
  kWrites,  // those that create, write, delete, rename or change modes
  kAll,     // those that open to read as well
};

/// How connections of programs inside get to egress, and the address that they wanted with them
/// (docs/network.md). What a program may reach is the same in each.
enum class Capture : std::uint8_t {
  kAuto,      // the first of the others that the kernel has
  kTproxy,    // a packet filter hands them over as they are
  kRedirect,  // address translation, which remembers each
  kPorts,     // no packet filter: egress listens on every address of each allowed port
};

/// "auto", "tproxy", "redirect", "ports".
std::string_view NameOf(Capture capture);

/// "off", "writes", "all".
std::string_view NameOf(AuditFiles files);

/// An environment variable that crosses besides the base list. Without a value the launcher's own
/// value is taken, and nothing when it has none.
struct EnvironmentRule {
  std::string name;
  std::optional<std::string> value;
  bool of_preset = false;      // set to what comes with ambit: nothing of the person's
  std::string from = "--env";  // what an error calls it by, as in NamedPath
};

/// A host path somebody named, and the words an error calls it by: `--ro` or
/// `ambit.toml:3:7: fs.ro`.
struct NamedPath {
  std::string path;  // absolute
  std::string from;
};

/// A pattern of `mask`, `hide` or `unmask` that somebody wrote: one that fits nothing may be a
/// slip.
struct WrittenPattern {
  std::string flag;  // "--hide", also of one in a file
  std::string pattern;
  std::string from;  // as in NamedPath
  SourceKind source = SourceKind::kFlags;
};

/// A file that exists only inside: settings an agent is to find there.
struct SyntheticFile {
  std::string path;  // inside, absolute: below the home, or below /etc
  std::string content;
  std::string from;
};

/// Of `Policy::files` together.
inline constexpr std::size_t kMostFiles = 64;
inline constexpr std::size_t kMostFileBytes = 1U << 20;

struct Policy {
  ProjectMode project = ProjectMode::kCopyOnWrite;
  std::vector<NamedPath> read_only;      // host paths that exist inside, read-only
  std::vector<NamedPath> copy_on_write;  // host content below, the run's own layer above
  // Directories below the home whose content lives on from run to run of one project, apart from
  // the host's own.
  std::vector<NamedPath> keep;
  std::vector<SyntheticFile> files;
  std::vector<EnvironmentRule> environment;
  // Patterns of project files, besides the defaults: host/secret_files.h.
  std::vector<std::string> mask;          // present with the same keys and placeholder values
  std::vector<std::string> hide;          // absent
  std::vector<std::string> unmask;        // shown as they are
  std::vector<WrittenPattern> written;    // those of them that come with no preset
  std::vector<std::uint16_t> host_ports;  // inside 127.0.0.1:N reaches the host's 127.0.0.1:N
  std::vector<PublishedPort> publish;     // the host's 127.0.0.1:N reaches a server inside
  /// Those that the managed policy allows, also to a run that goes on; nullopt: it does not say.
  std::optional<std::vector<PublishedPort>> most_publish;
  NetRules net;  // names and addresses that may be reached
  Capture capture = Capture::kAuto;
  AutoExec auto_exec = AutoExec::kAsk;
  Limits limits;
  AuditFiles audit_files = AuditFiles::kWrites;
  std::vector<TestCase> tests;        // what the plan must hold to, or the run does not start
  std::vector<std::string> left_out;  // for the record: what was asked for and is not in it
};

/// kInvalidArgument names the first bad field as `--flag value: why`.
Status Validate(const Policy& policy);

}  // namespace ambit::policy
