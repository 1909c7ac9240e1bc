#include "supervise/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/text.h"
#include "event/forget.h"
#include "host/facts.h"
#include "host/inside_run.h"
#include "host/kernel_facts.h"
#include "plan/filter.h"
#include "plan/proxy.h"
#include "supervise/cgroup.h"
#include "supervise/planning.h"
#include "supervise/probe.h"
#include "supervise/run.h"
#include "sys/file.h"
#include "sys/landlock.h"
#include "workspace/layers.h"
#include "workspace/root_tree.h"
#include "workspace/run_store.h"

namespace ambit::supervise {
namespace {

namespace fs = std::filesystem;
using host::Primitive;

/// Below the rehearsed run: the layers of the rehearsal itself may still be mounted for a moment
/// after its last process is gone, and the kernel mounts an upper directory only once.
constexpr const char* kProbes = "probes";

Result<std::string> PrepareProbes(const plan::LaunchPlan& plan, const std::string& run_path) {
  const fs::path path = fs::path(run_path) / kProbes;
  std::error_code error;
  for (const char* name : {"upper", "work", "home"}) fs::create_directories(path / name, error);
  AMBIT_TRY(const Fd dir, sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY));
  if (auto made = workspace::PrepareLayers(dir.get(), plan); !made) {
    return std::unexpected(made.error());
  }
  return path.string();
}

Finding FindingOf(Primitive primitive, const Outcome& outcome) {
  return {.primitive = primitive,
          .verdict = Verdict::kMissing,
          .detail = outcome.reason.empty() ? outcome.detail : outcome.reason,
          .remedy = outcome.remedy,
          .sys_errno = outcome.sys_errno};
}

/// Removes what a rehearsal leaves in the state directory, and the directories that were made for
/// it. Overlay's own work directories cannot be listed by anybody but root; they are empty. Where
/// root trees are kept already one more may stay.
class StateDirectoryAsItWas {
 public:
  explicit StateDirectoryAsItWas(std::string root) : root_(std::move(root)) {
    for (fs::path path = root_; !path.empty() && !Exists(path); path = path.parent_path()) {
      made_.push_back(path);
    }
    if (!Exists(Roots())) made_roots_ = Roots();
  }
  ~StateDirectoryAsItWas() {
    std::error_code ignored;
    if (!scratch_.empty()) fs::remove_all(scratch_, ignored);
    if (!made_roots_.empty()) fs::remove_all(made_roots_, ignored);
    for (const fs::path& path : made_) fs::remove(path, ignored);
  }
  StateDirectoryAsItWas(const StateDirectoryAsItWas&) = delete;
  StateDirectoryAsItWas& operator=(const StateDirectoryAsItWas&) = delete;

  const std::string& root() const { return root_; }

  void RemoveRun(const std::string& id) const {
    const fs::path run = fs::path(root_) / id;
    std::error_code ignored;
    for (const fs::path& work : {run / "work", run / kProbes / "work"}) {
      for (const auto& layer : fs::directory_iterator(work, ignored)) {
        workspace::MakeScratchRemovable(layer.path().string());
      }
    }
    fs::remove_all(run, ignored);
  }

  /// An empty project beside the runs, so on the file system where their layers will be.
  Result<std::string> MakeScratchProject() {
    std::error_code error;
    const fs::path beside = fs::path(root_).parent_path();
    fs::create_directories(beside, error);
    std::string path = beside / "doctor-XXXXXX";
    if (error || ::mkdtemp(path.data()) == nullptr) {
      return FailErrno(error ? error.value() : errno,
                       fmt::format("make a scratch project '{}'", Printable(path)));
    }
    scratch_ = path;
    return path;
  }

 private:
  static bool Exists(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(path, ignored));
  }
  fs::path Roots() const { return workspace::RootsBeside(root_); }

  std::string root_;
  std::vector<fs::path> made_;  // children before parents
  fs::path made_roots_;
  fs::path scratch_;
};

class Examination {
 public:
  Examination(StateDirectoryAsItWas& state, const Environment& environment)
      : state_(state), environment_(environment) {}

  Result<Diagnosis> Run() {
    Result<Outcome> outcome = Rehearse({});
    if (!outcome) {
      const std::string why = outcome.error().what;
      AMBIT_TRY(const std::string scratch, state_.MakeScratchProject());
      outcome = Rehearse(scratch);
      if (!outcome) return std::unexpected(outcome.error());
      project_ = fmt::format("an empty one made for this ({})", why);
    }
    diagnosis_.run_would_start = outcome->cause == Cause::kExited;
    if (findings_.empty()) {
      // Not even the rehearsal's plan was reached.
      const Primitive missing = outcome->missing.value_or(Primitive::kInit);
      for (const host::PrimitiveInfo& info : host::AllPrimitives()) {
        findings_.push_back(info.id == missing ? FindingOf(missing, *outcome)
                                               : Waits(info.id, missing));
      }
    }
    diagnosis_.findings = std::move(findings_);
    DescribeMachine();
    return std::move(diagnosis_);
  }

 private:
  Result<Outcome> Rehearse(const std::string& directory) {
    RunRequest request;
    request.argv = {"true"};
    request.environment = environment_;
    Result<Place> place = FindPlace(directory, ValueOf(environment_, "HOME"),
                                    ValueOf(environment_, "XDG_STATE_HOME"));
    // A call that is missing is a matter of the kernel, not of the place.
    if (!place && place.error().sys_errno == ENOSYS) {
      return SetupFailed(Primitive::kInit, place.error());
    }
    if (!place) return std::unexpected(std::move(place).error());
    request.place = *std::move(place);
    request.purpose = Purpose::kRehearse;
    std::string id;
    const RunObserver observer{
        .on_planned =
            [&](const workspace::RunMeta& meta) {
              id = meta.id;
              if (directory.empty()) project_ = Printable(meta.project);
            },
        .on_warning = [&](const std::string& text) { Tell("note", text); },
        .on_rehearsed = [&](const plan::LaunchPlan& plan, const spawn::native::Places& places,
                            const Outcome& outcome) { Conclude(plan, places, outcome); }};
    // A rehearsal has nothing to tell posterity.
    const auto forget = [](const workspace::RunDir&) -> Result<std::unique_ptr<event::Sink>> {
      return std::make_unique<event::Forget>();
    };
    Result<Outcome> outcome = supervise::Run(request, forget, observer);
    if (!id.empty()) state_.RemoveRun(id);
    return outcome;
  }

  void Conclude(const plan::LaunchPlan& plan, const spawn::native::Places& rehearsed,
                const Outcome& outcome) {
    const bool whole = outcome.cause == Cause::kExited;
    const Primitive missing = outcome.missing.value_or(Primitive::kInit);
    const Result<std::string> probes = PrepareProbes(plan, rehearsed.run);
    const spawn::native::Places places{.run = probes ? *probes : rehearsed.run,
                                       .root = rehearsed.root};
    ProbeInputs inputs{.plan = plan, .places = places};
    for (const host::PrimitiveInfo& info : host::AllPrimitives()) {
      if (whole && info.id != Primitive::kLifeLine) {
        findings_.push_back(Stands(info.id, plan));
      } else if (!whole && info.id == missing) {
        findings_.push_back(FindingOf(missing, outcome));
      } else if (info.id == Primitive::kInit) {
        findings_.push_back(Waits(info.id, missing));
      } else {
        findings_.push_back(Examine(info.id, inputs));
      }
      // The first two of the table; without them the rest is performed where it still can be.
      if (findings_.back().verdict != Verdict::kOk &&
          (info.id == Primitive::kUserNamespace || info.id == Primitive::kNamespaces)) {
        inputs.namespaces = false;
      }
    }
  }

  static bool NeedsNamespaces(Primitive primitive, bool started_by_root) {
    switch (primitive) {
      case Primitive::kMountApi:
      case Primitive::kProc:
      case Primitive::kDevpts:
      case Primitive::kNetwork:
        return true;
      case Primitive::kHostPath:
      case Primitive::kOverlay:
        return !started_by_root;
      default:
        return false;
    }
  }

  static Finding Examine(Primitive primitive, const ProbeInputs& inputs) {
    if (!inputs.namespaces && NeedsNamespaces(primitive, inputs.plan.identity.started_by_root)) {
      return Waits(primitive, Primitive::kUserNamespace);
    }
    if (primitive == Primitive::kNetwork) return ExamineNetwork(inputs);
    const spawn::native::StageResult<void> done = Probe(primitive, inputs);
    if (done) return Stands(primitive, inputs.plan);
    if (done.error().primitive != primitive) return Waits(primitive, done.error().primitive);
    return FindingOf(primitive, SetupFailed(primitive, done.error().error));
  }

  static Finding ExamineNetwork(const ProbeInputs& inputs) {
    const spawn::native::StageResult<policy::Capture> capture = ProbeCapture(inputs);
    if (capture) {
      plan::LaunchPlan plan = inputs.plan;
      plan.network.capture = *capture;
      return Stands(Primitive::kNetwork, plan);
    }
    if (capture.error().primitive != Primitive::kNetwork) {
      return Waits(Primitive::kNetwork, capture.error().primitive);
    }
    return FindingOf(Primitive::kNetwork, SetupFailed(Primitive::kNetwork, capture.error().error));
  }

  static Finding Waits(Primitive primitive, Primitive other) {
    return {.primitive = primitive,
            .verdict = Verdict::kNotReached,
            .detail = fmt::format("cannot be tried without: {}", host::InfoOf(other).name),
            .remedy = {}};
  }

  static Finding Stands(Primitive primitive, const plan::LaunchPlan& plan) {
    return {.primitive = primitive,
            .verdict = Verdict::kOk,
            .detail = DescribeWhatStands(primitive, plan),
            .remedy = {}};
  }

  static std::string DescribeLandlock() {
    const Result<int> abi = sys::LandlockAbi();
    if (!abi) return {};
    std::string text = fmt::format("ABI {}: files", *abi);
    if (*abi >= 2) text += ", moves between directories";
    if (*abi >= 3) text += ", truncation";
    if (*abi >= 5) text += ", device ioctls";
    if (*abi >= 6) text += ", signals and abstract sockets";
    return text;
  }

  static std::string DescribeWhatStands(Primitive primitive, const plan::LaunchPlan& plan) {
    const plan::Identity& identity = plan.identity;
    switch (primitive) {
      case Primitive::kUserNamespace:
        return fmt::format("uid {} inside is {} outside", identity.inside_uid,
                           identity.outside_uid);
      case Primitive::kRunUser:
        return identity.started_by_root ? fmt::format("uid {}", identity.outside_uid)
                                        : "not needed: not started by root";
      case Primitive::kIdmappedMounts:
        return identity.started_by_root ? "" : "not needed: not started by root";
      case Primitive::kOverlay:
        return identity.started_by_root ? "with redirect_dir and index" : "with userxattr";
      case Primitive::kNetwork:
        return DescribeCapture(plan.network.capture);
      case Primitive::kLandlock:
        return DescribeLandlock();
      case Primitive::kCgroup:
        return IsHeldByCgroup(plan.limits) ? ""
                                           : "none, so limits are held by other means: see below";
      case Primitive::kSeccomp:
        return fmt::format(
            "{} instructions for the agent, {} for egress",
            plan::AgentFilter(plan::ToldOf(identity.started_by_root, policy::AuditFiles::kWrites))
                .size(),
            plan::EgressFilter().size());
      case Primitive::kNotification:
        return identity.started_by_root ? "of what is executed and written inside the run"
                                        : "of what is executed, written and renamed inside the run";
      default:
        return {};
    }
  }

  void Tell(std::string name, std::string detail) {
    diagnosis_.facts.push_back(
        {.name = std::move(name), .detail = std::move(detail), .in_order = true});
  }

  void DescribeMachine() {
    Tell("kernel", host::DescribeKernel());
    Tell("started by", ::geteuid() == 0 ? "root" : "an ordinary user");
    Tell("project", project_);
    fs::path existing = state_.root();
    std::error_code ignored;
    while (!fs::exists(existing, ignored) && existing.has_relative_path()) {
      existing = existing.parent_path();
    }
    Tell("runs kept in",
         fmt::format("{} on {}", Printable(state_.root()), host::FileSystemOf(existing)));
    diagnosis_.names_would_be_reached = plan::ProxyOf(environment_).has_value();
    diagnosis_.facts.push_back({.name = "proxy",
                                .detail = plan::DescribeProxy(environment_),
                                .in_order = diagnosis_.names_would_be_reached});
    Tell("cgroups", host::DescribeCgroups());
    const Result<plan::Machine> machine = ReadMachine(state_.root(), /*with_disk=*/true);
    for (std::size_t i = 0; machine && i < policy::kLimits; ++i) {
      const auto kind = static_cast<policy::Limit>(i);
      Tell(fmt::format("limit {}", policy::NameOf(kind)), plan::DescribeHold(kind, *machine));
    }
  }

  StateDirectoryAsItWas& state_;
  const Environment& environment_;
  Diagnosis diagnosis_;
  std::vector<Finding> findings_;
  std::string project_;
};

}  // namespace

Result<Diagnosis> Diagnose() {
  if (host::IsInsideRun()) {
    return Fail(Errc::kUnsupported, host::kInsideRun, host::kInsideRunRemedy);
  }
  const Environment environment = TakeEnvironment({});
  AMBIT_TRY(const host::Person person, host::ReadPerson(ValueOf(environment, "HOME")));
  StateDirectoryAsItWas state(
      workspace::RunStore::DefaultRoot(person.own_home, ValueOf(environment, "XDG_STATE_HOME")));
  return Examination(state, environment).Run();
}

}  // namespace ambit::supervise
