#pragma once
// Takes secrets out of what is put on record of a run: values that are known, and texts that have
// the form of one. Pure. Who calls: supervise, before a text of the inside reaches the journal.
//
// Not found: a secret that is cut in pieces, encoded, or known to nobody.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ambit::event {

class Redactor {
 public:
  /// `environment`: NAME=value, as the agent has it. Values of names that say so (TOKEN, SECRET,
  /// PASSWORD, ...) are looked for, from 8 bytes on.
  explicit Redactor(const std::vector<std::string>& environment = {});

  /// `text` with `[redacted NAME]` for each known value and `[redacted]` for what looks like one.
  [[nodiscard]] std::string Clean(std::string text) const;

  /// The same for arguments: headers, fields of JSON, and what secret_options.h knows, are taken
  /// out too.
  [[nodiscard]] std::vector<std::string> CleanArguments(std::vector<std::string> arguments) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;  // value, name; longest first
};

}  // namespace ambit::event
