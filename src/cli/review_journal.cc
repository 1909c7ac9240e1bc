#include "cli/review_journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "journal/writer.h"

namespace ambit::cli {
namespace {

using event::Field;
using review::PlannedPath;
using review::Verdict;

std::vector<std::string> Bounded(const std::vector<std::string>& paths) {
  const auto count = static_cast<std::ptrdiff_t>(std::min(paths.size(), kMaxPathsInEvent));
  return {paths.begin(), paths.begin() + count};
}

Field Number(std::string name, std::size_t number) {
  return {std::move(name), static_cast<std::int64_t>(number)};
}

void AddPaths(std::vector<Field>& fields, const std::string& name,
              const std::vector<std::string>& paths) {
  fields.push_back(Number(name, paths.size()));
  fields.push_back({name + "_paths", Bounded(paths)});
}

/// The paths of each verdict: a count and the first of them. What comes across says how it changes.
std::vector<Field> FieldsOf(const std::vector<PlannedPath>& planned) {
  std::vector<std::string> applied;
  std::vector<std::string> held;
  std::vector<std::string> conflicts;
  std::vector<std::string> refused;
  for (const PlannedPath& path : planned) {
    switch (path.verdict) {
      case Verdict::kApply:
        applied.push_back(fmt::format("{} {}", path.letter, path.path));
        break;
      case Verdict::kHeld:
        held.push_back(path.path);
        break;
      case Verdict::kConflict:
        conflicts.push_back(path.path);
        break;
      case Verdict::kRefused:
        refused.push_back(path.path);
        break;
    }
  }
  std::vector<Field> fields;
  AddPaths(fields, "applied", applied);
  AddPaths(fields, "held", held);
  AddPaths(fields, "conflicts", conflicts);
  AddPaths(fields, "refused", refused);
  return fields;
}

/// Where the journal is, and what to do.
std::unexpected<Error> Unwritable(Error error, const std::string& path, bool before) {
  error.what = fmt::format("the journal '{}' cannot be written: {}{}", path, error.what,
                           before ? "; nothing was done" : "; what was done is done all the same");
  error.remedy = "what happens to a run's work must stand there: make room, or make it writable";
  return std::unexpected(std::move(error));
}

}  // namespace

Result<ReviewJournal> ReviewJournal::Open(const workspace::RunDir& run) {
  const std::string path = fmt::format("{}/{}", run.path, workspace::kJournalFile);
  const auto key = journal::SigningKey::LoadOrMake(journal::KeyDirectoryOf(run.path));
  if (!key) return Unwritable(key.error(), path, /*before=*/true);
  auto sink = journal::Writer::Continue(run.fd.get(), workspace::kJournalFile, run.id, *key);
  if (!sink) return Unwritable(std::move(sink).error(), path, /*before=*/true);
  return ReviewJournal(*std::move(sink), path);
}

Status ReviewJournal::Write(const event::Event& event) {
  sink_->Emit(event);
  // Sealed as soon as nothing is under way: a command that was interrupted leaves it open.
  if (!event.name.ends_with(".started")) sink_->Emit({event::kJournalClose, {}});
  if (sink_->status()) return {};
  return Unwritable(sink_->status().error(), path_, event.name.ends_with(".started"));
}

Status ReviewJournal::ApplyStarted(const review::ApplyPlan& plan,
                                   const review::ApplyRequest& request) {
  std::vector<Field> fields = FieldsOf(plan.paths);
  AddPaths(fields, "consents", request.consents);
  AddPaths(fields, "replaced", request.replaced);
  fields.push_back(Number("declined", request.declined.size()));
  return Write({event::kApplyStarted, std::move(fields)});
}

Status ReviewJournal::Ended(std::string_view name, const Result<review::ApplyReport>& report) {
  std::vector<Field> fields = FieldsOf(report ? report->paths : std::vector<review::PlannedPath>());
  fields.push_back({"error", report ? std::string() : report.error().what});
  return Write({name, std::move(fields)});
}

Status ReviewJournal::ApplyEnded(const Result<review::ApplyReport>& report) {
  return Ended(event::kApplyEnded, report);
}

Status ReviewJournal::ApplyRecovered(bool taken_back) {
  return Write({event::kApplyRecovered, {{"taken_back", taken_back}}});
}

Status ReviewJournal::UndoStarted() { return Write({event::kUndoStarted, {}}); }

Status ReviewJournal::UndoEnded(const Result<review::ApplyReport>& report) {
  return Ended(event::kUndoEnded, report);
}

Status ReviewJournal::BranchStarted(const review::BranchRequest& request) {
  std::vector<Field> fields = {{"branch", request.name}, {"from", request.from}};
  AddPaths(fields, "consents", request.consents);
  return Write({event::kBranchStarted, std::move(fields)});
}

Status ReviewJournal::BranchEnded(const Result<review::BranchResult>& result,
                                  const std::vector<std::string>& consents) {
  std::vector<Field> fields = {{"commit", result ? result->commit : std::string()},
                               Number("commits", result ? result->commits : 0)};
  AddPaths(fields, "consents", consents);
  fields.push_back({"error", result ? std::string() : result.error().what});
  return Write({event::kBranchEnded, std::move(fields)});
}

Status ReviewJournal::WorkDiscarded() { return Write({event::kWorkDiscarded, {}}); }

}  // namespace ambit::cli
