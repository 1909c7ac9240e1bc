#include "cli/audit.h"

namespace ambit::cli {

void AddAudit(NewCommand ambit) {
  NewCommand audit = ambit.AddCommand("audit", "The journal of a run, and whether it is whole");
  AddAuditShow(audit);
  AddAuditList(audit);
  AddAuditVerify(audit);
  AddAuditExport(audit);
  AddAuditSchema(audit);
}

}  // namespace ambit::cli
