#pragma once
// One directory of a cgroup hierarchy that was made for a run: its files, and its end. How
// directories of dead runs are told from those of living ones: cgroup.h.
// Who calls: cgroup_v1, cgroup_v2, systemd_scope.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "supervise/cgroup.h"

namespace ambit::supervise {

class CgroupDirectory {
 public:
  /// Makes `name` below the directory `parent`, holds it, and removes what dead runs left there.
  /// Errors: kNotFound when `parent` is gone; kDenied.
  static Result<CgroupDirectory> Make(const std::string& parent, const std::string& name);
  /// One that somebody else made and will remove.
  static Result<CgroupDirectory> Open(const std::string& path);
  /// One that somebody else made, and that ends with this.
  static Result<CgroupDirectory> Adopt(const std::string& path);
  CgroupDirectory(CgroupDirectory&&) noexcept = default;
  CgroupDirectory& operator=(CgroupDirectory&&) = delete;
  CgroupDirectory(const CgroupDirectory&) = delete;
  CgroupDirectory& operator=(const CgroupDirectory&) = delete;
  ~CgroupDirectory();

  [[nodiscard]] Result<Fd> OpenToWrite(const char* file) const;
  /// In one write(2). Errors: name file and value.
  Status Write(const char* file, std::string_view value) const;
  [[nodiscard]] bool Has(const char* file) const;
  /// Empty when it cannot be read.
  [[nodiscard]] std::string Read(const char* file) const;
  /// What a file of one number holds; empty for "max" and for a file that is not there.
  [[nodiscard]] std::optional<std::uint64_t> Number(const char* file) const;
  /// The number behind `key` in a file of lines "key number".
  [[nodiscard]] std::optional<std::uint64_t> Entry(const char* file, std::string_view key) const;
  /// Of a file as "memory.pressure".
  [[nodiscard]] std::optional<Pressure> PressureIn(const char* file) const;

  /// Errors: kLimit when something is in it for longer than 200 ms.
  Status Remove();
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  CgroupDirectory(std::string path, Fd fd, bool ours);

  std::string path_;
  Fd fd_;
  bool ours_ = false;  // to remove
};

}  // namespace ambit::supervise
