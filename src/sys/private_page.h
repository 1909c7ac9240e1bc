#pragma once
// A page for a secret of this process: children that it forks have zeros in its place, and no core
// dump holds it. Who calls: supervise, for the login of the host's proxy. Source: madvise(2),
// MADV_WIPEONFORK (Linux 4.14), MADV_DONTDUMP.
#include <cstddef>
#include <string_view>

#include "base/error.h"

namespace ambit::sys {

class PrivatePage {
 public:
  static constexpr std::size_t kMost = 4000;

  /// kIo: the kernel has no such page.
  static Result<PrivatePage> Make();
  PrivatePage(PrivatePage&& other) noexcept;
  PrivatePage& operator=(PrivatePage&&) = delete;
  ~PrivatePage();

  /// False: there is no more room.
  bool Append(char c);
  [[nodiscard]] std::string_view text() const;

 private:
  explicit PrivatePage(char* page) : page_(page) {}
  char* page_;  // text with a zero behind it
};

}  // namespace ambit::sys
