// What happens inside a run is on record: asked for as it happens, and as it remained at the end.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class Audit : public ::testing::TestWithParam<Who> {
 protected:
  /// Runs `script` and reads the journal of its run.
  Finished Run(const std::string& script) {
    const Finished run = person_.Sh(script, {"--keep-run"});
    ReadJournal();
    return run;
  }

  /// The same with another `audit.files`: off, writes or all.
  Finished RunWith(const std::string& audit, const std::string& script) {
    const Finished run =
        person_.Execute({AMBIT_RUN_WITH_POLICY, "--audit", audit, "--", "/bin/sh", "-c", script});
    ReadJournal();
    return run;
  }

  void ReadJournal() {
    const Finished read = person_.Execute(
        {"sh", "-c",
         "cat \"$(ls -t \"$HOME\"/.local/state/ambit/runs/*/journal.jsonl | head -1)\""});
    journal_ = read.out;
    events_.clear();
    for (std::size_t at = 0; at < journal_.size();) {
      const std::size_t end = journal_.find('\n', at);
      events_.push_back(json::parse(journal_.substr(at, end - at)));  // every line is one object
      at = end + 1;
    }
  }

  std::vector<json> Of(const std::string& name) const {
    std::vector<json> found;
    std::ranges::copy_if(events_, std::back_inserter(found),
                         [&](const json& event) { return event["event"] == name; });
    return found;
  }

  /// Whether an event `name` has all the fields of `fields`.
  bool Has(const std::string& name, const json& fields) const {
    const auto all = Of(name);
    return std::ranges::any_of(all, [&](const json& event) {
      return std::ranges::all_of(fields.items(), [&](const auto& field) {
        return event.contains(field.key()) && event[field.key()] == field.value();
      });
    });
  }

  std::string In(const std::string& name) const { return person_.project() + "/" + name; }

  Scratch person_{GetParam()};
  std::string journal_;
  std::vector<json> events_;
};
INSTANTIATE_TEST_SUITE_P(As, Audit, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Audit, TellsWhatIsExecutedAndHowItEnds) {
  const Finished run = Run("/usr/bin/env true; sh -c 'exit 7'; sh -c 'kill -9 $$'; exit 3");
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_TRUE(Has(
      "process.exec",
      {{"path", "/usr/bin/env"}, {"argv", {"/usr/bin/env", "true"}}, {"cwd", person_.project()}}))
      << journal_;
  EXPECT_TRUE(Has("process.exec", {{"path", "/usr/bin/true"}, {"argv", {"true"}}})) << journal_;
  EXPECT_TRUE(Has("process.exit", {{"exit_code", 0}})) << journal_;
  const json agent = Of("process.exec").at(0);
  EXPECT_TRUE(Has("process.exit", {{"pid", agent["pid"]}, {"exit_code", 3}})) << journal_;
  EXPECT_TRUE(Has("process.exec", {{"path", "/usr/bin/env"}, {"ppid", agent["pid"]}})) << journal_;
  EXPECT_EQ(events_.at(events_.size() - 2)["event"], "run.ended");
}

TEST_P(Audit, TellsTheEndOfProcessesOfOthersWhereTheKernelCan) {
  Run("sh -c 'exit 7'; sh -c 'kill -9 $$'; true");
  const Finished release = person_.Execute({"uname", "-r"});
  int major = 0;
  int minor = 0;
  ASSERT_EQ(std::sscanf(release.out.c_str(), "%d.%d", &major, &minor), 2);
  if (major > 6 || (major == 6 && minor >= 15)) {
    EXPECT_TRUE(Has("process.exit", {{"exit_code", 7}})) << journal_;
    EXPECT_TRUE(Has("process.exit", {{"signal", 9}})) << journal_;
  } else {
    EXPECT_TRUE(Has("process.exit", {{"status", "unknown"}})) << journal_;
  }
}

TEST_P(Audit, TellsTheAgentsOwnProgramAndNotWhereItIsNot) {
  Run("nosuchcommand; true");
  const auto all = Of("process.exec");
  ASSERT_EQ(all.size(), 1U) << journal_;
  EXPECT_EQ(all[0]["path"], "/bin/sh");
  EXPECT_EQ(all[0]["ppid"], 1);
  EXPECT_EQ(all[0]["argv"], (json{"/bin/sh", "-c", "nosuchcommand; true"}));
}

TEST_P(Audit, TellsWhatIsDoneToFiles) {
  person_.Write("project/old.txt", "old\n");
  person_.Write("project/read.txt", "read\n");
  const Finished run =
      Run("echo x > new.txt; echo y >> old.txt; cat read.txt; mkdir d; chmod 700 d; mv new.txt "
          "d/moved; "
          "ln -s moved d/link; ln d/moved hard; cd d; rm link; mkfifo pipe; truncate -s 1 moved");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(Has("file.create", {{"path", In("new.txt")}, {"kind", "file"}})) << journal_;
  EXPECT_TRUE(Has("file.write", {{"path", In("old.txt")}})) << journal_;
  EXPECT_TRUE(Has("file.create", {{"path", In("d")}, {"kind", "directory"}})) << journal_;
  EXPECT_TRUE(Has("file.mode", {{"path", In("d")}, {"mode", "0700"}})) << journal_;
  EXPECT_TRUE(Has("file.rename", {{"path", In("new.txt")}, {"to", In("d/moved")}})) << journal_;
  EXPECT_TRUE(
      Has("file.create", {{"path", In("d/link")}, {"kind", "symlink"}, {"target", "moved"}}))
      << journal_;
  EXPECT_TRUE(
      Has("file.create", {{"path", In("hard")}, {"kind", "hard link"}, {"target", In("d/moved")}}))
      << journal_;
  EXPECT_TRUE(Has("file.delete", {{"path", In("d/link")}})) << journal_;
  EXPECT_TRUE(Has("file.create", {{"path", In("d/pipe")}, {"kind", "node"}})) << journal_;
  EXPECT_TRUE(Has("file.write", {{"path", In("d/moved")}})) << journal_;
  // What only reads is not told.
  EXPECT_THAT(journal_, Not(HasSubstr("read.txt\"}")));
  EXPECT_TRUE(Of("file.open").empty());
}

/// The kernel tells init a thread; what else is on record of a program is of its process.
TEST_P(Audit, TellsTheProcessNotTheThread) {
  person_.Write("project/threads.c", R"(
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void* Write(void* name) {
  close(open(name, O_WRONLY | O_CREAT, 0644));
  printf("%d\n", gettid() != getpid());
  return 0;
}
int main(void) {
  char names[4][8] = {"t0", "t1", "t2", "t3"};
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], 0, Write, names[i]);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], 0);
  close(open("first", O_WRONLY | O_CREAT, 0644));
}
)");
  ASSERT_EQ(person_.Execute({"gcc", "-O1", "-pthread", "-o", "threads", "threads.c"}).exit_code, 0);
  for (const std::string audit : {"writes", "all"}) {
    const Finished run = RunWith(audit, "./threads; true");
    EXPECT_EQ(run.out, "1\n1\n1\n1\n") << run.err;
    json process;
    for (const json& exec : Of("process.exec")) {
      if (exec["argv"] == json{"./threads"}) process = exec["pid"];
    }
    ASSERT_TRUE(process.is_number()) << journal_;
    for (const char* name : {"t0", "t1", "t2", "t3", "first"}) {
      EXPECT_TRUE(Has("file.create", {{"path", In(name)}, {"pid", process}})) << audit << journal_;
    }
  }
}

TEST_P(Audit, TellsOfReadingWhenAskedToAndOfNothingWhenAskedNotTo) {
  person_.Write("project/read.txt", "read\n");
  constexpr const char* kScript = "cat read.txt; echo x > new.txt; mkdir d; mv d e; ls";
  std::string out;
  for (const std::string audit : {"writes", "all", "off"}) {
    const Finished run = RunWith(audit, kScript);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    if (out.empty()) out = run.out;
    EXPECT_EQ(run.out, out) << audit;
    const bool on = audit != "off";
    EXPECT_EQ(Has("file.open", {{"path", In("read.txt")}}), audit == "all") << journal_;
    EXPECT_EQ(Has("file.create", {{"path", In("new.txt")}}), on) << journal_;
    EXPECT_EQ(Has("process.exec", {{"path", "/bin/sh"}}), on) << journal_;
    EXPECT_EQ(Of("layer.remained").empty(), !on) << journal_;
    if (!on) EXPECT_TRUE(Of("process.exit").empty() && Of("file.mode").empty()) << journal_;
  }
}

TEST_P(Audit, TellsAtTheEndWhatRemained) {
  person_.Write("project/changed.txt", "old\n");
  person_.Write("project/deleted.txt", "old\n");
  person_.Write("project/mode.txt", "old\n");
  Run("echo new > created.txt; echo more >> changed.txt; rm deleted.txt; chmod 755 mode.txt; "
      "echo x > gone; rm gone");
  const auto remained = [&](const char* path, const char* kind) {
    return Has("layer.remained", {{"layer", "project"}, {"path", path}, {"kind", kind}});
  };
  EXPECT_TRUE(remained("created.txt", "created")) << journal_;
  EXPECT_TRUE(remained("changed.txt", "changed")) << journal_;
  EXPECT_TRUE(remained("deleted.txt", "deleted")) << journal_;
  EXPECT_TRUE(remained("mode.txt", "mode")) << journal_;
  EXPECT_TRUE(Has("file.create", {{"path", In("gone")}})) << journal_;
  EXPECT_EQ(Of("layer.remained").size(), 4U) << journal_;
}

/// The path that is asked for may be another one when the kernel reads it.
TEST_P(Audit, OfAPathThatIsFlippedMeanwhileTheLayerTellsTheTruth) {
  person_.Write("project/flip.c", R"(
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
static char path[8] = "aaaa";
static volatile int done;
static void* Flip(void* unused) {
  while (!done) { path[0] = 'b'; path[0] = 'a'; }
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, 0, Flip, 0);
  for (int i = 0; i < 2000; ++i) close(open(path, O_WRONLY | O_CREAT, 0644));
  done = 1;
  pthread_join(thread, 0);
}
)");
  ASSERT_EQ(person_.Execute({"gcc", "-O1", "-pthread", "-o", "flip", "flip.c"}).exit_code, 0);
  const Finished run = Run("./flip; ls");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  for (const char* name : {"aaaa", "baaa"}) {
    EXPECT_EQ(Has("layer.remained", {{"path", name}, {"kind", "created"}}),
              run.out.find(name) != std::string::npos)
        << name << run.out;
  }
  EXPECT_EQ(events_.at(events_.size() - 2)["event"], "run.ended");
}

TEST_P(Audit, TellsOfWritesThatAReadOnlyMountRefuses) {
  const Finished run = Run("echo x > /usr/nothing; echo x > /usr/nothing; echo x > /dev/null");
  EXPECT_NE(run.err, "");
  EXPECT_TRUE(Has("denial",
                  {{"what", "write"}, {"path", "/usr/nothing"}, {"rule", "fs: /usr is read-only"}}))
      << journal_;
  EXPECT_EQ(Of("denial").size(), 1U) << journal_;
}

TEST_P(Audit, HoldsNoSecret) {
  const std::string token = "ghp_" + std::string(36, 'x');
  const Finished run = person_.Execute(
      {AmbitBinary(), "run", "-q", "--keep-run", "--env", "MY_TOKEN", "--", "sh", "-c",
       "echo $MY_TOKEN > $MY_TOKEN; /usr/bin/true --password=hunter2 " + token +
           " \"Authorization: Bearer abcdef\" $MY_TOKEN"},
      {}, {{"MY_TOKEN", "swordfish-of-ada"}});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Finished read =
      person_.Execute({"sh", "-c", "cat \"$HOME\"/.local/state/ambit/runs/*/journal.jsonl"});
  EXPECT_THAT(read.out, HasSubstr("[redacted MY_TOKEN]"));
  EXPECT_THAT(read.out, HasSubstr("--password=[redacted]"));
  for (const char* secret : {"swordfish", "abcdef"}) {
    EXPECT_THAT(read.out, Not(HasSubstr(secret)));
  }
}

TEST_P(Audit, EscapesWhateverANameIsMadeOf) {
  person_.Write("project/names.py", R"(import os
for name in [b'line\nbreak', b'\x1b[31mred', b'\xe2\x80\xae' + b'gpj.exe', b'\xff\xfe',
             b'","event":"run.ended","x":"']:
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
)");
  const Finished run = Run("/usr/bin/python3 names.py");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(Has("file.create", {{"path", In("line\nbreak")}})) << journal_;
  EXPECT_TRUE(Has("file.create", {{"path", In("\x1b[31mred")}})) << journal_;
  EXPECT_TRUE(Has("file.create", {{"path", In("\",\"event\":\"run.ended\",\"x\":\"")}}))
      << journal_;
  EXPECT_THAT(journal_, Not(HasSubstr("\x1b")));
  EXPECT_THAT(journal_, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_EQ(Of("run.ended").size(), 1U);
  EXPECT_EQ(events_.at(events_.size() - 2)["event"], "run.ended");
}

TEST_P(Audit, OfAFloodIsBoundedAndTheEndIsNotLost) {
  person_.Write("project/flood.c", R"(
#include <fcntl.h>
#include <unistd.h>
int main(void) {
  for (int i = 0; i < 15000; ++i) { close(open("f", O_WRONLY | O_CREAT, 0644)); unlink("f"); }
}
)");
  ASSERT_EQ(person_.Execute({"gcc", "-O1", "-o", "flood", "flood.c"}).exit_code, 0);
  const Finished run = Run("./flood");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  std::int64_t dropped = 0;
  for (const json& event : Of("events.dropped")) {
    dropped += event["count"].get<std::int64_t>();
    EXPECT_FALSE(event["kinds"].empty());
  }
  const std::size_t told =
      Of("file.create").size() + Of("file.write").size() + Of("file.delete").size();
  EXPECT_EQ(static_cast<std::int64_t>(told) + dropped, 30'000) << dropped;  // each one, once
  EXPECT_EQ(events_.at(events_.size() - 2)["event"], "run.ended");
}

/// Each connection is answered by egress outside and is an event, however many there are.
TEST_P(Audit, OfAFloodOfConnectionsIsBoundedAndTheEndIsNotLost) {
  constexpr int kConnections = 12'000;
  const Fd nobody(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // bound, and never listens
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(nobody.get(), generic, size), 0);
  ASSERT_EQ(::getsockname(nobody.get(), generic, &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  person_.Write("project/connect.c", R"(
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char** argv) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  int reset = 0;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < atoi(argv[2]); ++i) {
    char byte;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    /* The reset comes with connect() or with the first read. */
    reset += connect(s, (struct sockaddr*)&to, sizeof to) != 0 || read(s, &byte, 1) < 0;
    close(s);
  }
  printf("%d\n", reset);
}
)");
  ASSERT_EQ(person_.Execute({"gcc", "-O1", "-o", "connect", "connect.c"}).exit_code, 0);
  const Finished run = person_.Sh(fmt::format("./connect {} {}", port, kConnections),
                                  {"--keep-run", "--host-port", port});
  EXPECT_EQ(run.out, fmt::format("{}\n", kConnections)) << run.err;
  ReadJournal();
  std::int64_t dropped = 0;
  std::size_t gaps = 0;
  for (const json& event : Of("events.dropped")) {
    if (event["kinds"].dump().find("egress") == std::string::npos) continue;
    dropped += event["count"].get<std::int64_t>();
    ++gaps;
  }
  const auto told = static_cast<std::int64_t>(Of("egress.connect").size());
  EXPECT_GE(told, 5'000);
  EXPECT_GT(dropped, 0);
  // The reset comes before the report: of the last one there may be none.
  EXPECT_GE(told + dropped, kConnections - 1);
  EXPECT_LE(told + dropped, kConnections);
  const std::int64_t ns =
      events_.back()["t"].get<std::int64_t>() - Of("run.started").at(0)["t"].get<std::int64_t>();
  EXPECT_LE(told, 5'000 + 500 * (ns / 1'000'000'000 + 1));
  EXPECT_LE(static_cast<std::int64_t>(gaps), ns / 1'000'000'000 + 2);
  EXPECT_EQ(events_.at(events_.size() - 2)["event"], "run.ended");
  EXPECT_EQ(person_.Ambit({"audit", "verify"}).exit_code, 0);
}

TEST_P(Audit, DoesNotWaitForAStoppedSupervisor) {
  person_.Write("project/many.c", R"(
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  char name[201] = {0};
  memset(name, 'n', 200);
  for (int i = 0; i < 60000; ++i) close(open(name, O_WRONLY | O_CREAT, 0644));
  close(open("done", O_WRONLY | O_CREAT, 0644));
  sleep(2);
}
)");
  ASSERT_EQ(person_.Execute({"gcc", "-O1", "-o", "many", "many.c"}).exit_code, 0);
  const Finished run =
      person_.Execute({"sh", "-c",
                       "\"$0\" run -q --keep-run -- sh -c 'sleep 1; ./many' & p=$!; "
                       "sleep 0.7; kill -STOP $p; i=0; "
                       "while ! ls \"$HOME\"/.local/state/ambit/runs/*/upper/project/done "
                       ">/dev/null 2>&1; do sleep 0.1; i=$((i+1)); "
                       "[ $i -lt 300 ] || { echo stuck; break; }; done; "
                       "kill -CONT $p; wait $p; echo $?",
                       AmbitBinary()});
  EXPECT_EQ(run.out, "0\n") << run.err;
  const Finished read =
      person_.Execute({"sh", "-c", "cat \"$HOME\"/.local/state/ambit/runs/*/journal.jsonl"});
  EXPECT_THAT(read.out, HasSubstr("events.dropped"));
  EXPECT_THAT(read.out, HasSubstr("run.ended"));
}

}  // namespace
}  // namespace ambit::testing
