#pragma once
// `ambit audit`: what a run's journal says, and whether it can be believed. One file per
// subcommand; audit.cc names them.
#include "cli/cli.h"

namespace ambit::cli {

void AddAuditExport(CLI::App& audit, Action& action);
void AddAuditList(CLI::App& audit, Action& action);
void AddAuditSchema(CLI::App& audit, Action& action);
void AddAuditShow(CLI::App& audit, Action& action);
void AddAuditVerify(CLI::App& audit, Action& action);

}  // namespace ambit::cli
