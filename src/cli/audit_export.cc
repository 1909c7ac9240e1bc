#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "base/text.h"
#include "cli/audit.h"
#include "cli/run_journal.h"
#include "cli/runs.h"
#include "journal/export.h"
#include "supervise/version.h"

namespace ambit::cli {
namespace {

struct ExportFlags {
  std::string run;
  std::string directory;
  std::string format;
  std::string file;
};

journal::Format FormatOf(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, journal::Format>, 3> kFormats = {
      {{"csv", journal::Format::kCsv},
       {"ocsf", journal::Format::kOcsf},
       {"otlp", journal::Format::kOtlp}}};
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return journal::Format::kJsonLines;
}

/// It tells what was worked on: for the person alone, as the journal is.
Result<Fd> OpenNew(const std::string& path) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return FailErrno(errno, fmt::format("create '{}'", Printable(path)));
  return file;
}

Status Export(const ExportFlags& flags) {
  AMBIT_TRY(const JournalOfRun opened, JournalOfRun::Open(flags.run, flags.directory));
  AMBIT_CHECK(WarnWhenBroken(opened));
  Fd file;
  if (!flags.file.empty()) {
    AMBIT_TRY(file, OpenNew(flags.file));
  }
  Output out(file ? file.get() : STDOUT_FILENO);
  const auto exporter =
      journal::MakeExporter(FormatOf(flags.format), std::string(supervise::kVersion));
  AMBIT_CHECK(out.Write(exporter->Begin()));
  AMBIT_CHECK(ForEachEntry(journal::FromFile(opened.file.get()),
                           [&](const journal::Entry& entry, std::string_view line) -> Result<bool> {
                             AMBIT_CHECK(out.Write(exporter->Add(entry, line)));
                             return !out.left();
                           }));
  AMBIT_CHECK(out.Write(exporter->End()));
  return out.Flush();
}

}  // namespace

void AddAuditExport(NewCommand audit) {
  auto flags = std::make_shared<ExportFlags>();
  NewCommand command = audit.AddCommand("export", "The journal in the words of other programs");
  command.AddArgument("run", flags->run, kRunHelp);
  AddDirectoryFlag(command, flags->directory);
  command.AddFlag("--format", flags->format, "What to write")
      .Required()
      .OneOf({"jsonl", "ocsf", "otlp", "csv"});
  command.AddFlag("-o,--output", flags->file, "To a new file instead of standard output")
      .Takes("FILE");
  command.Does([flags] { return Export(*flags); });
}

}  // namespace ambit::cli
