#include "support/run_ambit.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Abort(const std::string& why) {
  fmt::print(stderr, "test set-up: {}\n", why);
  ::abort();
}

struct Ids {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

Ids IdsOf(Who who) {
  if (who == Who::kRoot) return {.uid = 0, .gid = 0, .name = "root"};
  if (::geteuid() != 0) return {.uid = ::geteuid(), .gid = ::getegid(), .name = "user"};
  const char* name = ::getenv("AMBIT_TEST_USER");
  if (name == nullptr) Abort("as root, AMBIT_TEST_USER must name an ordinary user");
  const passwd* entry = ::getpwnam(name);
  if (entry == nullptr || entry->pw_uid == 0) Abort(fmt::format("no ordinary user '{}'", name));
  return {.uid = entry->pw_uid, .gid = entry->pw_gid, .name = name};
}

std::vector<std::string> EnvironmentOf(const Ids& ids, const std::string& home,
                                       const std::map<std::string, std::string>& extra) {
  std::map<std::string, std::string> variables = {
      {"PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
      {"HOME", home},
      {"USER", ids.name},
      {"LANG", "C.UTF-8"}};
  for (const auto& [name, value] : extra) variables[name] = value;
  std::vector<std::string> out;
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// What a forked child does before it is somebody else's program: become `ids` in `cwd`.
[[noreturn]] void ExecuteAs(const Ids& ids, const std::string& cwd, char* const* argv,
                            char* const* environment) {
  ::syscall(SYS_close_range, 3, ~0U, 0);
  if (::geteuid() == 0 && ids.uid != 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(ids.gid, ids.gid, ids.gid) != 0 ||
        ::setresuid(ids.uid, ids.uid, ids.uid) != 0) {
      ::_exit(99);
    }
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the change of ids, which clears it
  if (::chdir(cwd.c_str()) != 0) ::_exit(98);
  ::execvpe(argv[0], argv, environment);
  ::_exit(97);
}

/// Starts a program as `ids` in `cwd`; 0 is /dev/null, 1 and 2 are what they are given to be.
pid_t Spawn(const Ids& ids, const std::string& cwd, std::vector<std::string> argv,
            std::vector<std::string> environment, int out, int err) {
  std::vector<char*> argv_pointers = Pointers(argv);
  std::vector<char*> environment_pointers = Pointers(environment);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setsid();
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  ExecuteAs(ids, cwd, argv_pointers.data(), environment_pointers.data());
}

int ExitCodeOf(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::string NameOf(Who who) { return who == Who::kRoot ? "root" : "user"; }

void PrintTo(Who who, std::ostream* out) { *out << NameOf(who); }

std::vector<Who> Everyone() {
  if (::geteuid() == 0) return {Who::kRoot, Who::kUser};
  return {Who::kUser};
}

std::string AmbitBinary() {
  const char* path = ::getenv("AMBIT_BINARY");
  return path != nullptr ? path : AMBIT_BUILT_BINARY;
}

Scratch::Scratch(Who who) : who_(who) {
  const Ids ids = IdsOf(who);
  uid_ = ids.uid;
  gid_ = ids.gid;
  user_name_ = ids.name;
  root_ = "/var/tmp/ambit-test-XXXXXX";
  if (::mkdtemp(root_.data()) == nullptr) Abort("mkdtemp failed");
  ::chmod(root_.c_str(), 0755);
  if (::chown(root_.c_str(), uid_, gid_) != 0) Abort("chown failed");
  for (const std::string& dir : {home(), project()}) {
    ::mkdir(dir.c_str(), 0755);
    if (::chown(dir.c_str(), uid_, gid_) != 0) Abort("chown failed");
  }
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
  // Overlay work directories have mode 0: a user cannot list them before chmod.
  if (ignored) {
    Execute({"chmod", "-R", "u+rwX", root_}, "/");
    fs::remove_all(root_, ignored);
  }
}

void Scratch::Write(const std::string& path, const std::string& content, mode_t mode) {
  const std::string full = root_ + "/" + path;
  for (std::size_t slash = full.find('/', root_.size() + 1); slash != std::string::npos;
       slash = full.find('/', slash + 1)) {
    const std::string dir = full.substr(0, slash);
    if (::mkdir(dir.c_str(), 0755) == 0 && ::chown(dir.c_str(), uid_, gid_) != 0) {
      Abort("chown failed");
    }
  }
  std::ofstream(full, std::ios::binary) << content;
  ::chmod(full.c_str(), mode);
  if (::chown(full.c_str(), uid_, gid_) != 0) Abort("chown failed");
}

std::string Scratch::Read(const std::string& path) const {
  std::ifstream file(root_ + "/" + path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

bool Scratch::Exists(const std::string& path) const {
  struct stat info{};
  return ::lstat((root_ + "/" + path).c_str(), &info) == 0;
}

void Scratch::MakeGitProject() {
  const Finished made = Execute(
      {"sh", "-c",
       "git init -q -b main . && git add -A && git -c user.name=T -c user.email=t@example.invalid "
       "commit -q --allow-empty -m start"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
}

Finished Scratch::Execute(std::vector<std::string> argv, std::string cwd,
                          std::map<std::string, std::string> environment,
                          std::chrono::seconds limit) const {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) Abort("pipe2");
  const pid_t pid =
      Spawn({.uid = uid_, .gid = gid_, .name = user_name_}, cwd.empty() ? project() : cwd,
            std::move(argv), EnvironmentOf({uid_, gid_, user_name_}, home(), environment), out[1],
            err[1]);
  ::close(out[1]);
  ::close(err[1]);
  Finished finished;
  const Fd out_read(out[0]);
  const Fd err_read(err[0]);
  std::array<pollfd, 2> sources = {pollfd{.fd = out[0], .events = POLLIN, .revents = 0},
                                   pollfd{.fd = err[0], .events = POLLIN, .revents = 0}};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  bool killed = false;
  std::array<char, 65536> buffer;
  while (sources[0].fd >= 0 || sources[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 && !killed) {
      ::kill(pid, SIGKILL);
      killed = true;
    }
    ::poll(sources.data(), sources.size(), killed ? 1000 : static_cast<int>(left.count()) + 1);
    if (killed && sources[0].revents == 0 && sources[1].revents == 0) break;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sources[i].fd < 0 || sources[i].revents == 0) continue;
      const ssize_t n = ::read(sources[i].fd, buffer.data(), buffer.size());
      if (n > 0) {
        (i == 0 ? finished.out : finished.err).append(buffer.data(), static_cast<std::size_t>(n));
      } else {
        sources[i].fd = -1;
      }
    }
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  finished.exit_code = killed ? -1 : ExitCodeOf(status);
  return finished;
}

Finished Scratch::Ambit(std::vector<std::string> arguments, std::string cwd,
                        std::map<std::string, std::string> environment,
                        std::chrono::seconds limit) const {
  arguments.insert(arguments.begin(), AmbitBinary());
  return Execute(std::move(arguments), std::move(cwd), std::move(environment), limit);
}

Finished Scratch::Sh(const std::string& script, std::vector<std::string> flags,
                     std::chrono::seconds limit) const {
  std::vector<std::string> arguments = {"run", "-q"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  for (const char* word : {"--", "/bin/sh", "-c"}) arguments.emplace_back(word);
  arguments.push_back(script);
  return Ambit(std::move(arguments), {}, {}, limit);
}

pid_t Scratch::Start(std::vector<std::string> arguments, const std::string& output,
                     std::map<std::string, std::string> environment) const {
  const Fd file(
      ::open((root_ + "/" + output).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file) Abort("cannot create the output file");
  arguments.insert(arguments.begin(), AmbitBinary());
  return Spawn({.uid = uid_, .gid = gid_, .name = user_name_}, project(), std::move(arguments),
               EnvironmentOf({uid_, gid_, user_name_}, home(), environment), file.get(),
               file.get());
}

pid_t Scratch::StartOnTerminal(std::vector<std::string> arguments, const std::string& name,
                               const std::string& program) const {
  arguments.insert(arguments.begin(), program);
  const Ids ids{.uid = uid_, .gid = gid_, .name = user_name_};
  std::vector<std::string> environment = EnvironmentOf(ids, home(), {{"TERM", "xterm"}});
  std::vector<char*> argv_pointers = Pointers(arguments);
  std::vector<char*> environment_pointers = Pointers(environment);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setsid();
  const int terminal = ::open(name.c_str(), O_RDWR);
  ::ioctl(terminal, TIOCSCTTY, 0);
  for (int fd = 0; fd <= 2; ++fd) ::dup2(terminal, fd);
  ExecuteAs(ids, project(), argv_pointers.data(), environment_pointers.data());
}

std::string Scratch::Fingerprint(const std::string& dir) const {
  // find and sha1sum are independent of everything under test.
  const std::string target = dir.empty() ? project() : dir;
  const Finished listing =
      Execute({"sh", "-c",
               "cd \"$1\" && find . -printf '%p %y %m %U:%G %s %T@ %l\\n' | LC_ALL=C sort && "
               "find . -type f -exec sha1sum {} + | LC_ALL=C sort",
               "sh", target},
              "/");
  EXPECT_EQ(listing.exit_code, 0) << listing.err;
  return listing.out;
}

}  // namespace ambit::testing
