#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/audit.h"
#include "cli/run_journal.h"
#include "cli/runs.h"
#include "journal/tail.h"
#include "journal/verify.h"

namespace ambit::cli {
namespace {

/// So much of all journals together is verified, the newest runs first; of the others their end
/// alone tells.
constexpr std::int64_t kMostVerified = 64LL << 20;

struct Row {
  std::string id;
  std::string standing;  // sealed, unsealed, running, unchained, tampered, broken, none
  bool verified = false;
  std::uint64_t records = 0;
  std::int64_t bytes = 0;
  std::int64_t started_ns = 0;
  std::string project;
};

/// Whether a seal at its end is true of all before it.
std::string StandingOf(const workspace::RunDir& run, const workspace::RunMeta& meta, int file) {
  if (::lseek(file, 0, SEEK_SET) != 0) return "broken";
  const auto verdict = VerdictOf(run, meta, file);
  if (!verdict) return "broken";
  return verdict->standing == journal::Standing::kTampered ? "tampered" : "sealed";
}

Row RowOf(const workspace::RunStore& store, const workspace::RunEntry& entry,
          std::int64_t& may_verify) {
  Row row{.id = entry.id, .standing = "none"};
  if (entry.meta) {
    row.started_ns = entry.meta->started_ns;
    row.project = entry.meta->project;
  }
  const auto run = store.OpenRun(entry.id);
  const auto file = run ? OpenJournal(*run) : std::unexpected(run.error());
  if (!file) return row;
  struct stat info{};
  if (::fstat(file->get(), &info) == 0) row.bytes = info.st_size;
  const auto tail = journal::ReadTail(file->get());
  if (!tail) {
    row.standing = "broken";
    return row;
  }
  row.records = tail->sequence;
  const bool runs = entry.meta && workspace::IsAlive(*entry.meta);
  row.standing = !tail->hash    ? "unchained"
                 : tail->sealed ? "sealed"
                 : runs         ? "running"
                                : "unsealed";
  if (row.standing != "sealed" || !entry.meta || row.bytes > may_verify) return row;
  may_verify -= row.bytes;
  row.verified = true;
  row.standing = StandingOf(*run, *entry.meta, file->get());
  return row;
}

std::string ForPeople(const Row& row) {
  return fmt::format("{}  {:<9}  {:>8}  {:>10}  {:<19}  {}\n", row.id, row.standing, row.records,
                     row.bytes, LocalTime(row.started_ns), Printable(row.project));
}

std::string ForPrograms(const Row& row) {
  return fmt::format(
      R"({{"run":"{}","standing":"{}","records":{},"bytes":{},"started_ns":{},"project":"{}"}})",
      row.id, row.standing, row.records, row.bytes, row.started_ns, JsonEscape(row.project));
}

Status List(bool json) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const AllRuns all, ListAllRuns(person));
  std::vector<std::string> rows;
  std::int64_t may_verify = kMostVerified;
  std::size_t unverified = 0;
  for (const workspace::RunEntry& run : all.runs) {
    const Row row = RowOf(*all.store, run, may_verify);
    if (row.standing == "sealed" && !row.verified) ++unverified;
    rows.push_back(json ? ForPrograms(row) : ForPeople(row));
  }
  if (unverified > 0) {
    fmt::print(stderr,
               "ambit: {} told by the end alone: 'ambit audit verify RUN' reads all of one\n",
               Count(unverified, "journal"));
  }
  if (json) return ToStdout(fmt::format("[{}]\n", fmt::join(rows, ",\n")));
  return ToStdout(fmt::format("{:<10}  {:<9}  {:>8}  {:>10}  {:<19}  {}\n{}", "RUN", "JOURNAL",
                              "EVENTS", "BYTES", "STARTED", "PROJECT", fmt::join(rows, "")));
}

}  // namespace

void AddAuditList(NewCommand audit) {
  auto json = std::make_shared<bool>(false);
  NewCommand list = audit.AddCommand("list", "The journals of all runs, newest first");
  list.AddFlag("--json", *json, "For programs");
  list.Does([json] { return List(*json); });
}

}  // namespace ambit::cli
