#include "host/cgroup_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"
#include "host/cgroup_files.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr std::size_t kMostTable = 16U << 20;
constexpr std::size_t kMostFile = 64U << 10;
constexpr std::array kWanted = {Controller::kMemory, Controller::kPids, Controller::kCpu};

/// This process's places and what it may do there. `root` stands before every path.
struct Reader {
  std::string root;
  std::vector<CgroupMount> mounts;
  std::vector<OwnCgroup> own;

  [[nodiscard]] bool Exists(const std::string& path) const {
    return ::access((root + path).c_str(), F_OK) == 0;
  }
  /// As the effective user: a read-only mount says no as well.
  [[nodiscard]] bool MayWrite(const std::string& path) const {
    return ::faccessat(AT_FDCWD, (root + path).c_str(), W_OK, AT_EACCESS) == 0;
  }
  [[nodiscard]] std::vector<std::string> Words(const std::string& path) const {
    std::istringstream words(
        sys::ReadSmallFile(AT_FDCWD, (root + path).c_str(), kMostFile).value_or(""));
    std::vector<std::string> all;
    for (std::string word; words >> word;) all.push_back(word);
    return all;
  }
  /// Whether the file can be read and there is nothing in it: a list of processes may be long.
  [[nodiscard]] bool IsEmpty(const std::string& path) const {
    const Fd file(::open((root + path).c_str(), O_RDONLY | O_CLOEXEC));
    char first = 0;
    return file && ::read(file.get(), &first, 1) == 0;
  }
};

bool IsIn(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

/// The mount of a v1 controller; of v2 when there is no name.
const CgroupMount* FindMount(const Reader& here, std::string_view controller) {
  const auto found = std::ranges::find_if(here.mounts, [&](const CgroupMount& mount) {
    return controller.empty() ? mount.unified : IsIn(mount.controllers, controller);
  });
  return found == here.mounts.end() ? nullptr : &*found;
}

/// This process's own cgroup as it is seen in `mount`; the top of the mount when it is not.
std::string OwnDirectory(const Reader& here, const CgroupMount& mount,
                         std::string_view controller) {
  const auto own = std::ranges::find_if(here.own, [&](const OwnCgroup& cgroup) {
    return controller.empty() ? cgroup.controllers.empty() : IsIn(cgroup.controllers, controller);
  });
  std::string directory = own == here.own.end() ? std::string() : DirectoryOf(mount, own->path);
  return directory.empty() || !here.Exists(directory) ? mount.at : directory;
}

/// Only the machine's own root has no type, and it may hold processes beside children.
bool MayGive(const Reader& here, const std::string& directory,
             const std::vector<Controller>& controllers) {
  const std::vector<std::string> given = here.Words(directory + "/cgroup.subtree_control");
  const bool given_already = std::ranges::all_of(
      controllers, [&](Controller controller) { return IsIn(given, NameOf(controller)); });
  return given_already || !here.Exists(directory + "/cgroup.type") ||
         here.IsEmpty(directory + "/cgroup.procs");
}

bool OffersIo(const Reader& here, const std::string& directory) {
  return IsIn(here.Words(directory + "/cgroup.controllers"), NameOf(Controller::kIo)) &&
         MayGive(here, directory, {Controller::kIo});
}

/// What a cgroup made in `directory` of v2 would have; empty when none can be made there, or none
/// with controllers.
std::vector<Controller> ControllersFor(const Reader& here, const std::string& directory) {
  if (!here.MayWrite(directory) || !here.MayWrite(directory + "/cgroup.procs") ||
      !here.MayWrite(directory + "/cgroup.subtree_control")) {
    return {};
  }
  std::vector<Controller> possible;
  const std::vector<std::string> offered = here.Words(directory + "/cgroup.controllers");
  std::ranges::copy_if(kWanted, std::back_inserter(possible),
                       [&](Controller controller) { return IsIn(offered, NameOf(controller)); });
  return MayGive(here, directory, possible) ? possible : std::vector<Controller>{};
}

std::vector<std::string> CandidatesInV2(const Reader& here, const CgroupMount& mount) {
  if (::geteuid() == 0) return {mount.at};
  std::vector<std::string> above;
  std::string directory = OwnDirectory(here, mount, {});
  while (IsBelow(directory, mount.at)) {
    directory.resize(directory.rfind('/'));
    above.push_back(directory);
  }
  return above;
}

std::optional<CgroupFacts> FindV2(const Reader& here, const CgroupMount& mount) {
  for (const std::string& directory : CandidatesInV2(here, mount)) {
    std::vector<Controller> controllers = ControllersFor(here, directory);
    if (controllers.empty()) continue;
    CgroupFacts facts;
    facts.kind = CgroupKind::kV2;
    facts.controllers = std::move(controllers);
    facts.directories = {directory};
    if (OffersIo(here, directory)) facts.io = directory;
    return facts;
  }
  return std::nullopt;
}

/// Whoever listens there would be told to hold this person's limits: it has to be this person.
bool IsOwnSocket(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) && info.st_uid == ::geteuid();
}

std::string PersonsBus() { return fmt::format("/run/user/{}/bus", ::geteuid()); }

/// What systemd gave to this person's systemd it can give on to a scope.
std::optional<CgroupFacts> FindSystemd(const Reader& here, const CgroupMount& mount) {
  const char* runtime = ::secure_getenv("XDG_RUNTIME_DIR");
  std::string bus = std::string(runtime == nullptr ? "" : runtime) + "/bus";
  if (!bus.starts_with('/') || !IsOwnSocket(here.root + bus)) bus = PersonsBus();
  if (::geteuid() == 0 || !IsOwnSocket(here.root + bus)) return std::nullopt;
  const std::string service =
      DirectoryOf(mount, fmt::format("/user.slice/user-{0}.slice/user@{0}.service", ::geteuid()));
  const std::vector<std::string> given = here.Words(service + "/cgroup.controllers");
  CgroupFacts facts;
  facts.kind = CgroupKind::kSystemd;
  std::ranges::copy_if(kWanted, std::back_inserter(facts.controllers),
                       [&](Controller controller) { return IsIn(given, NameOf(controller)); });
  if (service.empty() || facts.controllers.empty()) return std::nullopt;
  facts.bus = bus;
  return facts;
}

/// Where this process may make a cgroup of a v1 controller; empty when nowhere.
std::string PlaceInV1(const Reader& here, std::string_view controller) {
  const CgroupMount* mount = FindMount(here, controller);
  if (mount == nullptr) return {};
  std::string directory = OwnDirectory(here, *mount, controller);
  return here.MayWrite(directory) ? directory : std::string();
}

std::optional<CgroupFacts> FindV1(const Reader& here) {
  CgroupFacts facts;
  facts.kind = CgroupKind::kV1;
  for (const Controller controller : kWanted) {
    std::string directory = PlaceInV1(here, NameOf(controller));
    if (directory.empty()) continue;
    facts.controllers.push_back(controller);
    facts.directories.push_back(std::move(directory));
  }
  if (facts.controllers.empty()) return std::nullopt;
  facts.cpuacct = PlaceInV1(here, "cpuacct");
  facts.io = PlaceInV1(here, "blkio");
  facts.unified = PlaceInV1(here, {});
  return facts;
}

std::string WhyNone(const CgroupMount* v2, bool v1) {
  const bool root = ::geteuid() == 0;
  if (v1) {
    return root ? "the mounted cgroup v1 hierarchies cannot be written"
                : "cgroup v1: only root may make cgroups";
  }
  if (v2 == nullptr) return "no cgroup hierarchy with a controller for limits is mounted";
  const std::string at = Printable(v2->at);
  if (!root) {
    return fmt::format(
        "cgroup v2 at '{}': no cgroup above ambit's own is yours to share out, and "
        "no systemd of yours answers at '{}'",
        at, PersonsBus());
  }
  return fmt::format(
      "cgroup v2 at '{}': it cannot be written, gives no controllers, or holds "
      "processes itself (then only their move to a cgroup below would help)",
      at);
}

}  // namespace

std::string_view NameOf(Controller controller) {
  switch (controller) {
    case Controller::kMemory:
      return "memory";
    case Controller::kPids:
      return "pids";
    case Controller::kCpu:
      return "cpu";
    case Controller::kIo:
      return "io";
  }
  return "?";
}

bool CgroupFacts::Has(Controller controller) const {
  return std::ranges::find(controllers, controller) != controllers.end();
}

Result<CgroupFacts> ReadCgroupFacts(const std::string& root) {
  AMBIT_TRY(const std::string mounts,
            sys::ReadSmallFile(AT_FDCWD, (root + "/proc/self/mountinfo").c_str(), kMostTable));
  AMBIT_TRY(const std::string own,
            sys::ReadSmallFile(AT_FDCWD, (root + "/proc/self/cgroup").c_str(), kMostTable));
  const Reader here{.root = root, .mounts = ParseCgroupMounts(mounts), .own = ParseOwnCgroups(own)};
  const CgroupMount* v2 = FindMount(here, {});
  if (v2 != nullptr) {
    if (auto facts = FindV2(here, *v2)) return *std::move(facts);
  }
  if (auto facts = FindV1(here)) return *std::move(facts);
  if (v2 != nullptr) {
    if (auto facts = FindSystemd(here, *v2)) return *std::move(facts);
  }
  CgroupFacts none;
  none.why_none = WhyNone(v2, std::ranges::any_of(kWanted, [&](Controller controller) {
                            return FindMount(here, NameOf(controller)) != nullptr;
                          }));
  return none;
}

}  // namespace ambit::host
