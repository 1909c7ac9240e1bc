#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "plan/environment.h"
#include "plan/mounts.h"
#include "plan/root_entries.h"

namespace ambit::plan {
namespace {

constexpr const char* kHostname = "ambit";

/// An overlay cannot have a file system mounted in its lower tree: for a user the kernel refuses
/// it, for root what is mounted there would silently be missing.
Status RefuseSubmounts(const policy::Policy& policy, const host::Project& project) {
  if (policy.project != policy::ProjectMode::kCopyOnWrite || project.submounts.empty()) return {};
  return Fail(Errc::kInvalidArgument,
              fmt::format("project '{}': another file system is mounted at '{}' and cannot be "
                          "shown copy-on-write",
                          Printable(project.root), Printable(project.submounts.front())),
              "unmount it, run in a directory without it, or use --project ro");
}

Status RefuseForeignGitPointers(const host::GitProject& git) {
  if (git.refused.empty()) return {};
  const host::RefusedPointer& first = git.refused.front();
  return Fail(Errc::kDenied,
              fmt::format("'{}' points to '{}': {}", Printable(first.file),
                          Printable(first.target), first.reason),
              fmt::format("allow it with {}", Printable(first.flag)));
}

}  // namespace

Result<LaunchPlan> Make(const policy::Policy& policy, const host::HostFacts& facts,
                        const Request& request) {
  AMBIT_CHECK(policy::Validate(policy));
  if (request.argv.empty() || request.argv[0].empty()) {
    return Fail(Errc::kInvalidArgument, "no command given", "ambit run -- COMMAND [ARGUMENT...]");
  }
  AMBIT_CHECK(RefuseSubmounts(policy, facts.project));
  AMBIT_CHECK(RefuseForeignGitPointers(request.git));
  LaunchPlan plan;
  plan.identity = request.identity;
  plan.hostname = kHostname;
  plan.root = MakeRootEntries(facts, request.identity, plan.hostname, request.author);
  plan.layers = MakeLayers(policy, facts, request.git);
  plan.mounts = MakeMounts(policy, facts, plan.layers);
  // Knobs and views of the whole machine in an otherwise own /proc.
  plan.proc_masked = {"acpi",        "asound",     "kcore",       "key-users", "keys",
                      "kmsg",        "latency_stats", "sched_debug", "scsi",   "sysrq-trigger",
                      "timer_list"};
  plan.proc_read_only = {"bus", "fs", "irq", "sys"};
  plan.landlock = MakeLandlockRules(plan.mounts);
  plan.network.host_ports = policy.host_ports;
  plan.cwd = facts.project.cwd;
  plan.argv = request.argv;
  plan.path_entries = MakePathEntries(facts, plan.mounts);
  plan.environment =
      MakeEnvironment(policy, facts, request.identity, plan.path_entries);
  return plan;
}

}  // namespace ambit::plan
