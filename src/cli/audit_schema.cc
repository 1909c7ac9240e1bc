#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/audit.h"
#include "event/schema.h"

namespace ambit::cli {
namespace {

std::string RowsOf(std::span<const event::FieldSchema> fields) {
  std::string rows;
  for (const event::FieldSchema& field : fields) {
    rows +=
        fmt::format("  {:<16}  {:<15}  {}\n", field.name, event::NameOf(field.type), field.meaning);
  }
  return rows;
}

std::string ForPeople() {
  std::string text = "every line\n" + RowsOf(event::CommonFields());
  for (const event::EventSchema& schema : event::Events()) {
    text += fmt::format("\n{}: {}\n{}", schema.name, schema.when, RowsOf(schema.fields));
  }
  return text;
}

}  // namespace

void AddAuditSchema(NewCommand audit) {
  auto json = std::make_shared<bool>(false);
  NewCommand schema = audit.AddCommand("schema", "All events there are, and their fields");
  schema.AddFlag("--json", *json, "As a JSON Schema of one line");
  schema.Does([json] { return ToStdout(*json ? event::JsonSchema() : ForPeople()); });
}

}  // namespace ambit::cli
