#pragma once
// `ambit audit`: what a run's journal says, and whether it can be believed. One file per
// subcommand; audit.cc names them.
#include "cli/cli.h"

namespace ambit::cli {

void AddAuditExport(NewCommand audit);
void AddAuditList(NewCommand audit);
void AddAuditSchema(NewCommand audit);
void AddAuditShow(NewCommand audit);
void AddAuditVerify(NewCommand audit);

}  // namespace ambit::cli
