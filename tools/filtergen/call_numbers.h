#pragma once
// Names of system calls to numbers: libseccomp's tables, and beside them the calls that are newer
// than those tables.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ambit::filtergen {

struct CallNumber {
  /// nullopt: a known name that this architecture does not have.
  std::optional<std::uint32_t> number;
};

class CallNumbers {
 public:
  explicit CallNumbers(std::uint32_t audit_token) : audit_token_(audit_token) {}

  /// False when libseccomp knows `name` under another number.
  [[nodiscard]] bool AddNewer(std::string_view name, std::uint32_t number);
  /// A newer call of another architecture: its name is known, its number is not ours.
  void AddForeign(std::string_view name);

  /// nullopt: nobody knows the name.
  [[nodiscard]] std::optional<CallNumber> Find(std::string_view name) const;

 private:
  std::uint32_t audit_token_;
  std::map<std::string, CallNumber, std::less<>> newer_;
};

}  // namespace ambit::filtergen
