#include "supervise/run_record.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include "plan/plan_json.h"
#include "supervise/publish.h"
#include "supervise/version.h"
#include "sys/file.h"
#include "sys/process.h"
#include "workspace/change_dir.h"
#include "workspace/change_walk.h"
#include "workspace/copied_up.h"
#include "workspace/home_files.h"
#include "workspace/kept_state.h"
#include "workspace/project_quota.h"
#include "workspace/run_removal.h"
#include "workspace/stamp.h"

namespace ambit::supervise {
namespace {

std::int64_t NowNanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

/// Of one layer; the rest is counted.
constexpr std::size_t kMostRemained = 20'000;
constexpr std::size_t kMostRemainedBytes = 8U << 20;  // of all paths of a layer

std::string_view NameOf(workspace::ChangeKind kind) {
  switch (kind) {
    case workspace::ChangeKind::kAdded:
      return "created";
    case workspace::ChangeKind::kDeleted:
      return "deleted";
    case workspace::ChangeKind::kModeChanged:
      return "mode";
    case workspace::ChangeKind::kRenamed:
      return "renamed";
    case workspace::ChangeKind::kModified:
    case workspace::ChangeKind::kTypeChanged:
      break;
  }
  return "changed";
}

event::Event EventOf(const std::string& layer, const workspace::Change& change,
                     const event::Redactor& redactor) {
  event::Event event{.name = event::kLayerRemained,
                     .fields = {{"layer", layer},
                                {"path", redactor.Clean(change.path)},
                                {"kind", std::string(NameOf(change.kind))}}};
  if (change.kind == workspace::ChangeKind::kRenamed) {
    event.fields.push_back({"from", redactor.Clean(change.old_path)});
  }
  if (change.unreadable) event.fields.push_back({"unreadable", true});
  if (change.opened) event.fields.push_back({"opened", true});
  if (change.new_mode != 0) {
    event.fields.push_back({"mode", fmt::format("{:04o}", change.new_mode & 07777)});
    event.fields.push_back({"bytes", static_cast<std::int64_t>(change.new_bytes)});
  }
  return event;
}

/// Each limit with what holds it.
std::vector<std::string> LinesOf(const plan::Limits& limits) {
  std::vector<std::string> lines;
  for (const plan::Limit& limit : limits.all) {
    lines.push_back(plan::Describe(limit, limits.cgroup));
  }
  return lines;
}

/// Room that is taken when the run begins and given back when it ends: on a disk that is full by
/// then its last words can still be written.
constexpr const char* kReserve = "reserve";
constexpr std::size_t kLastEvents = 16U << 10;

Status TakeReserve(const workspace::RunDir& run, const workspace::RunMeta& meta) {
  const std::string room(workspace::EncodeMeta(meta).size() + kLastEvents, ' ');
  return sys::WriteNewFile(run.fd.get(), kReserve, room, 0600);
}

std::int64_t Number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

Result<PreparedRun> Prepare(const std::string& state_root, const workspace::RunDir& run,
                            const plan::LaunchPlan& plan) {
  // Before the stamps: then a clock set back in between is noticed later.
  const std::int64_t clock_offset_ns = workspace::ClockOffset();
  AMBIT_CHECK(workspace::HoldByProjectQuota(run.fd.get(), plan));
  AMBIT_TRY(auto layers, workspace::PrepareLayers(run.fd.get(), plan));
  AMBIT_CHECK(workspace::WriteHomeFiles(run.fd.get(), plan));
  AMBIT_CHECK(MakeDenialsFile(run.fd.get()));
  AMBIT_TRY(std::string kept, workspace::PrepareKept(workspace::KeptBeside(state_root), plan));
  AMBIT_TRY(workspace::RootTree root,
            workspace::FindOrMakeRootTree(workspace::RootsBeside(state_root), plan));
  return PreparedRun{.dir = {},
                     .root = std::move(root),
                     .kept = std::move(kept),
                     .layers = std::move(layers),
                     .clock_offset_ns = clock_offset_ns};
}

}  // namespace

Result<PreparedRun> MakeRunDirectory(const std::string& state_root, std::string_view id,
                                     const plan::LaunchPlan& plan) {
  AMBIT_TRY(workspace::RunStore store, workspace::RunStore::Open(state_root, /*create=*/true));
  AMBIT_TRY(workspace::RunDir run, store.Create(id));
  Result<PreparedRun> prepared = Prepare(state_root, run, plan);
  if (prepared) {
    prepared->dir = std::move(run);
  } else {
    RemoveRunDirectory(run);
  }
  return prepared;
}

void RemoveRunDirectory(const workspace::RunDir& run) {
  workspace::LetGoOfProjectQuota(run.fd.get());
  if (const auto names = workspace::NamesIn(run.fd.get())) {
    for (const std::string& name : *names) (void)workspace::RemoveTree(run.fd.get(), name);
  }
  ::rmdir(run.path.c_str());
}

workspace::RunMeta MakeMeta(const RunRequest& request, const Planned& planned,
                            const PreparedRun& run) {
  const plan::LaunchPlan& plan = planned.plan;
  workspace::RunMeta meta;
  meta.id = run.dir.id;
  meta.project = planned.facts.project.root;
  meta.cwd = plan.cwd;
  meta.argv = plan.argv;
  meta.started_ns = NowNanoseconds();
  meta.clock_offset_ns = run.clock_offset_ns;
  meta.head_commit = planned.head_commit;
  meta.user_kind = plan.identity.started_by_root ? "root" : "user";
  meta.flavour = plan.identity.started_by_root ? workspace::OverlayFlavour::kTrusted
                                               : workspace::OverlayFlavour::kUser;
  meta.redirect_dir = plan.identity.started_by_root;
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    const plan::Layer& layer = plan.layers[i];
    meta.layers.push_back({.name = layer.name,
                           .target = layer.inside,
                           .lower = layer.lower,
                           .upper = "upper/" + layer.name,
                           .work = "work/" + layer.name,
                           .mask = layer.masks.empty() ? "" : "mask/" + layer.name,
                           .lower_device = run.layers[i].device,
                           .lower_inode = run.layers[i].inode,
                           .stamp_ns = run.layers[i].stamp_ns});
  }
  meta.direct = request.policy.project == policy::ProjectMode::kReadWrite;
  meta.keep = request.keep;
  if (plan.limits.disk_backing != policy::DiskBacking::kDisk) {
    meta.disk_backing = policy::NameOf(plan.limits.disk_backing);
  }
  if (request.policy.auto_exec == policy::AutoExec::kDeny) meta.auto_exec = "deny";
  if (request.policy.auto_exec == policy::AutoExec::kAllow) meta.auto_exec = "allow";
  meta.published = plan.network.publish;
  meta.ambit_version = std::string(kVersion);
  return meta;
}

Status RunRecord::AddPublished(const policy::PublishedPort& port) {
  meta_.published.push_back(port);
  return workspace::RunStore::WriteMeta(run_, meta_);
}

Result<event::Sink*> RunRecord::Begin(const plan::LaunchPlan& plan, pid_t init,
                                      const OpenSink& open_sink, const RunObserver& observer) {
  // Where /proc does not tell, nobody can look: no reason to end the run.
  if (const auto start = sys::StartTimeOf(init); start) {
    meta_.init_pid = init;
    meta_.init_start = *start;
  }
  redactor_ = event::Redactor(plan.environment);
  audited_ = plan.audit_files != policy::AuditFiles::kOff;
  AMBIT_CHECK(workspace::SetSupervisorToSelf(meta_));
  AMBIT_CHECK(workspace::RunStore::WriteMeta(run_, meta_));
  AMBIT_CHECK(TakeReserve(run_, meta_));
  AMBIT_CHECK(sys::WriteNewFile(run_.fd.get(), workspace::kPlanFile, plan::EncodeJson(plan), 0600));
  AMBIT_TRY(std::unique_ptr<event::Sink> journal, open_sink(run_));
  AMBIT_TRY(sink_, TellingSink::Open(run_.fd.get(), plan, std::move(journal)));
  sink_->Emit({event::kRunPlanned,
               {{"project", meta_.project},
                {"argv", redactor_.CleanArguments(meta_.argv)},
                {"started_by", meta_.user_kind},
                {"version", meta_.ambit_version},
                {"limits", LinesOf(plan.limits)}}});
  for (const policy::PublishedPort& port : plan.network.publish) {
    sink_->Emit(ListeningOn(port));
  }
  if (!left_out_.empty()) sink_->Emit({event::kPolicyLeftOut, {{"entries", left_out_}}});
  AMBIT_CHECK(sink_->status());
  begun_ = true;
  observer.on_planned(meta_);
  return sink_.get();
}

Outcome RunRecord::End(Outcome outcome, const UsageFigures& used) {
  if (!begun_) return outcome;
  RecordCopiedUp();
  if (audited_) RecordRemained();
  ::unlinkat(run_.fd.get(), kReserve, 0);
  sink_->Emit({event::kRunEnded,
               {{"cause", std::string(NameOf(outcome.cause))},
                {"exit_code", std::int64_t{outcome.exit_code}},
                {"detail", outcome.detail},
                {"cpu_ms", Number(used.cpu_ms)},
                {"memory_peak", Number(used.memory_peak)},
                {"processes_peak", Number(used.processes_peak)},
                {"disk_bytes", Number(used.disk_bytes)},
                {"net_out_bytes", Number(used.net_out_bytes)}}});
  meta_.used = workspace::RunUsage{.cpu_ms = used.cpu_ms,
                                   .memory_peak = used.memory_peak,
                                   .processes_peak = used.processes_peak,
                                   .disk_bytes = used.disk_bytes,
                                   .net_out_bytes = used.net_out_bytes};
  sink_->Emit({event::kJournalClose, {}});
  meta_.sealed = sink_->status().has_value();
  if (!meta_.sealed && outcome.cause != Cause::kRunFailed) {
    outcome = CannotRecord(sink_->status().error());
  }
  meta_.finished_ns = NowNanoseconds();
  meta_.outcome = workspace::RunOutcome{.cause = std::string(NameOf(outcome.cause)),
                                        .exit_code = outcome.exit_code};
  const Status written = workspace::RunStore::WriteMeta(run_, meta_);
  if (!written && outcome.cause != Cause::kRunFailed) outcome = CannotRecord(written.error());
  return outcome;
}

void RunRecord::RecordCopiedUp() {
  for (const workspace::RunLayer& layer : meta_.layers) {
    const auto found = workspace::FindCopiedUp(workspace::OnDisk(meta_, layer, run_.path));
    if (!found) continue;  // it only explains; `diff` will say why the layer cannot be read
    for (const workspace::CopiedUp& file : *found) {
      sink_->Emit({event::kCopiedUp,
                   {{"layer", layer.name},
                    {"path", file.path},
                    {"bytes", static_cast<std::int64_t>(file.bytes)}}});
    }
  }
}

/// What the calls of the inside led to: of them only what was asked for is known.
void RunRecord::RecordRemained() {
  for (const workspace::RunLayer& layer : meta_.layers) {
    workspace::OverlayLayer on_disk = workspace::OnDisk(meta_, layer, run_.path);
    on_disk.at_rest = true;  // init is gone, and all that was inside with it
    const auto walked = workspace::WalkChanges(on_disk, kMostRemainedBytes);
    if (!walked) continue;  // as above
    std::size_t told = 0;
    for (const workspace::Change& change : walked->changes) {
      if (told == kMostRemained) break;
      ++told;
      sink_->Emit(EventOf(layer.name, change, redactor_));
    }
    for (const workspace::GitChange& git : walked->git) {
      sink_->Emit({event::kLayerRemained,
                   {{"layer", layer.name},
                    {"path", redactor_.Clean(git.path)},
                    {"kind", std::string("repository")},
                    {"files", static_cast<std::int64_t>(git.files)}}});
    }
    const auto left = static_cast<std::int64_t>(walked->changes.size() - told);
    if (left == 0 && !walked->truncated) continue;
    sink_->Emit({event::kEventsDropped,
                 {{"count", left},
                  {"kinds", std::vector{fmt::format("{}: {}", event::kLayerRemained, left)}},
                  {"truncated", walked->truncated}}});
  }
  sink_->Commit();
}

}  // namespace ambit::supervise
