#include "attempts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;

void Must(bool good, const char* what) {
  if (!good) throw std::runtime_error(fmt::format("set-up of the surroundings: {}", what));
}

Fd ListenUnix(const std::string& name, bool abstract) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t skip = abstract ? 1 : 0;
  Must(name.size() + skip < sizeof address.sun_path, "socket name too long");
  name.copy(address.sun_path + skip, name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + skip + name.size());
  Must(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) == 0, "bind");
  Must(::listen(fd.get(), SOMAXCONN) == 0, "listen");
  if (!abstract) ::chmod(name.c_str(), 0777);
  return fd;
}

std::string ReadFirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Answers LinesOf(const Finished& finished) {
  Answers answers;
  std::istringstream stream(finished.out);
  for (std::string line; std::getline(stream, line);) answers.push_back(line);
  return answers;
}

}  // namespace

std::vector<Who> EveryoneBesideOthers() {
  return ::geteuid() == 0 ? Everyone() : std::vector<Who>{};
}

std::string ProbeBinary() { return AMBIT_PROBE; }
std::string BinaryForWallTests() { return AMBIT_FOR_WALL_TESTS; }

Surroundings::Surroundings(const Scratch& person) : person_(person) {
  auto& scratch = const_cast<Scratch&>(person);
  // The project is what a run shows; all else is outside of it.
  scratch.Write("home/.ssh/id_ed25519", "secret of the home\n", 0600);
  scratch.Write("home/.bashrc", "# rc\n");
  scratch.Write("outside/secret", "secret outside\n");
  scratch.Write("outside/stdin", "bytes for standard input\n");
  scratch.Write("read-only/file", "shown, not to be changed\n");
  names_ = {{"home", person.home()},
            {"secret", person.home() + "/.ssh/id_ed25519"},
            {"rc", person.home() + "/.bashrc"},
            {"outside", person.root() + "/outside"},
            {"read-only", person.root() + "/read-only"},
            {"project", person.project()}};
  fs::copy_file(ProbeBinary(), person.project() + "/probe", fs::copy_options::overwrite_existing);
  ::chmod((person.project() + "/probe").c_str(), 0755);
  scratch.Write("project/probe-copy", "writable stand-in for an executable\n");
  StartVictim();
  Listen();
  Share();
  if (::geteuid() == 0) {
    // Set-user-id to somebody who is neither root nor the person.
    const std::string copy = person.project() + "/set-user-id";
    fs::copy_file(ProbeBinary(), copy, fs::copy_options::overwrite_existing);
    Must(::chown(copy.c_str(), 65534, 65534) == 0 && ::chmod(copy.c_str(), 04755) == 0,
         "set-user-id copy");
  }
}

Surroundings::~Surroundings() {
  if (victim_ > 0) {
    ::kill(victim_, SIGKILL);
    ::waitpid(victim_, nullptr, 0);
  }
  if (shared_memory_ >= 0) ::shmctl(shared_memory_, IPC_RMID, nullptr);
  ::mq_unlink(names_["queue"].c_str());
  ::unlink(names_["shm-file"].c_str());
}

void Surroundings::StartVictim() {
  const std::string output = person_.root() + "/outside/victim";
  struct stat owner{};
  Must(::stat(person_.root().c_str(), &owner) == 0, "stat");
  victim_ = ::fork();
  if (victim_ == 0) {
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(file, 1);
    if (::geteuid() == 0 && owner.st_uid != 0 &&
        (::setgid(owner.st_gid) != 0 || ::setuid(owner.st_uid) != 0)) {
      ::_exit(99);
    }
    ::execl(AMBIT_PROBE, AMBIT_PROBE, "victim", nullptr);
    ::_exit(98);
  }
  for (int i = 0; i < 500 && ReadFirstLine(output).empty(); ++i) ::usleep(2000);
  names_["victim"] = std::to_string(victim_);
  names_["address"] = ReadFirstLine(output);
  Must(names_["address"].starts_with("0x"), "the victim says nothing");
}

void Surroundings::Listen() {
  names_["abstract"] = fmt::format("ambit-test-{}-{}", ::getpid(), NameOf(person_.who()));
  names_["key"] = names_["abstract"];
  listeners_.push_back(ListenUnix(names_["abstract"], true));
  for (const char* dir : {"project", "read-only"}) {
    listeners_.push_back(ListenUnix(names_[dir] + "/host.sock", false));
  }
  Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  Must(::bind(tcp.get(), reinterpret_cast<sockaddr*>(&address), length) == 0 &&
           ::listen(tcp.get(), SOMAXCONN) == 0 &&
           ::getsockname(tcp.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0,
       "loopback listener");
  names_["port"] = std::to_string(ntohs(address.sin_port));
  listeners_.push_back(std::move(tcp));
}

void Surroundings::Share() {
  const int key =
      0x41000000 + static_cast<int>(::getpid()) * 2 + (person_.who() == Who::kRoot ? 1 : 0);
  shared_memory_ = ::shmget(key, 4096, IPC_CREAT | 0666);
  Must(shared_memory_ >= 0, "shmget");
  names_["shm-key"] = std::to_string(key);
  names_["queue"] = "/" + names_["abstract"];
  const mqd_t queue = ::mq_open(names_["queue"].c_str(), O_CREAT | O_RDWR, 0666, nullptr);
  Must(queue >= 0, "mq_open");
  ::mq_close(queue);
  ::chmod(("/dev/mqueue" + names_["queue"]).c_str(), 0666);
  names_["shm-file"] = "/dev/shm/" + names_["abstract"];
  std::ofstream(names_["shm-file"]) << "shared\n";
  ::chmod(names_["shm-file"].c_str(), 0644);
}

std::string Surroundings::Fill(std::string line) const {
  for (const auto& [name, value] : names_) {
    const std::string pattern = "{" + name + "}";
    for (std::size_t at = line.find(pattern); at != std::string::npos;
         at = line.find(pattern, at + value.size())) {
      line.replace(at, pattern.size(), value);
    }
  }
  return line;
}

namespace {

/// Standard input is a file opened for reading only.
Answers Try(const Scratch& person, const Surroundings& around,
            const std::vector<std::string>& lines, std::vector<std::string> launcher,
            std::map<std::string, std::string> environment) {
  auto& scratch = const_cast<Scratch&>(person);
  std::string list;
  for (const std::string& line : lines) list += around.Fill(line) + "\n";
  scratch.Write("project/list", list);
  std::vector<std::string> argv = {"sh", "-c", "exec \"$@\" < \"$0\"",
                                   around["outside"] + "/stdin"};
  // The launcher has keys that a run must not find.
  for (const std::string& word :
       {ProbeBinary(), std::string("hold-keys-and-execute"), around["key"], std::string("--")}) {
    argv.push_back(word);
  }
  argv.insert(argv.end(), launcher.begin(), launcher.end());
  for (const std::string& word :
       {person.project() + "/probe", std::string("--list"), person.project() + "/list"}) {
    argv.push_back(word);
  }
  environment["AMBIT_TEST_SECRET"] = "secret of the environment";
  const Finished finished = person.Execute(argv, {}, environment);
  person.Execute({ProbeBinary(), "drop-user-key", around["key"]});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  Answers answers = LinesOf(finished);
  EXPECT_EQ(answers.size(), lines.size()) << finished.out << finished.err;
  answers.resize(lines.size(), "no answer");
  return answers;
}

}  // namespace

Answers TryOutside(const Scratch& person, const Surroundings& around,
                   const std::vector<std::string>& lines) {
  return Try(person, around, lines, {}, {});
}

Answers TryInside(const Scratch& person, const Surroundings& around,
                  const std::vector<std::string>& lines, const std::string& binary,
                  const std::string& walls_off) {
  return Try(person, around, lines, {binary, "run", "-q", "--ro", around["read-only"], "--"},
             {{"AMBIT_TEST_WALLS_OFF", walls_off}});
}

}  // namespace ambit::testing
