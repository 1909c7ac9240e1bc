#include "cli/audit.h"

#include <CLI/CLI.hpp>

namespace ambit::cli {

void AddAudit(CLI::App& app, Action& action) {
  CLI::App* audit = app.add_subcommand("audit", "The journal of a run, and whether it is whole");
  audit->require_subcommand(1);
  AddAuditShow(*audit, action);
  AddAuditList(*audit, action);
  AddAuditVerify(*audit, action);
  AddAuditExport(*audit, action);
  AddAuditSchema(*audit, action);
}

}  // namespace ambit::cli
