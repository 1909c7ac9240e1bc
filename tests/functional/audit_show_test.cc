// ambit audit show, list, export, schema: what is read of the journals of real runs, and what is
// told of a run while it is over or still going.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Audit : public ::testing::TestWithParam<Who> {
 protected:
  Audit() { person_.Write("project/file.txt", "host\n"); }

  std::string Runs() const { return person_.home() + "/.local/state/ambit/runs"; }
  /// The newest run's directory.
  std::string Newest() const {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(Runs())) {
      const fs::path run = entry.path();
      if (newest.empty() ||
          fs::last_write_time(run / "meta.json") > fs::last_write_time(newest / "meta.json")) {
        newest = run;
      }
    }
    return newest;
  }
  std::string JournalFile() const { return Newest() + "/journal.jsonl"; }
  static std::vector<std::string> Lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  std::string JournalText() const {
    std::ifstream file(JournalFile());
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  /// A run that is refused a port: the one that egress itself listens on.
  Finished Refused() const {
    return person_.Ambit({"run", "--host-port", "9", "--", "bash", "-c",
                          "exec 2>/dev/null; echo x > new; read -t 5 < /dev/tcp/127.0.0.1/1; "
                          "sleep 0.3; cat /run/ambit/denials; echo y > /run/ambit/denials; "
                          "mv /run/ambit /run/other && echo moved; true"});
  }
  static bool HasControls(const std::string& text) {
    for (const char c : text) {
      if ((c >= 0 && c < 0x20 && c != '\n') || c == 0x7F) return true;
    }
    return text.find("\xe2\x80\xae") != std::string::npos;
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Audit, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Audit, ShowsEachEventOfARunInALine) {
  ASSERT_EQ(person_.Sh("exit 3").exit_code, 3);
  const Finished shown = person_.Ambit({"audit", "show"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.err, "");
  EXPECT_EQ(Lines(shown.out).size(), Lines(JournalText()).size());
  EXPECT_THAT(shown.out, AllOf(HasSubstr("run.planned         /bin/sh -c 'exit 3' in "),
                               HasSubstr("run.ended           exited 3")));
  EXPECT_EQ(person_.Ambit({"audit", "show", "--json"}).out, JournalText());
}

TEST_P(Audit, ShowsWhatWasAskedForAlone) {
  ASSERT_EQ(person_.Sh("true").exit_code, 0);
  EXPECT_EQ(Lines(person_.Ambit({"audit", "show", "--type", "run.*"}).out).size(), 3U);
  EXPECT_EQ(person_.Ambit({"audit", "show", "--denied"}).out, "");
  EXPECT_EQ(person_.Ambit({"audit", "show", "--since", "2099-01-01"}).out, "");
  EXPECT_EQ(
      Lines(person_.Ambit({"audit", "show", "--since", "1h", "--type", "run.ended"}).out).size(),
      1U);
  const Finished bad = person_.Ambit({"audit", "show", "--since", "tomorrow"});
  EXPECT_EQ(bad.exit_code, 125);
  EXPECT_THAT(bad.err, HasSubstr("10m"));
}

TEST_P(Audit, NamesFromInsideSteerNoTerminalAndMakeNoEvent) {
  const std::string hostile =
      "a\n{\"v\":1,\"seq\":1,\"event\":\"run.ended\"}\x1b[2J\x07\xe2\x80\xae=1";
  const Finished run = person_.Ambit({"run", "-q", "--", "/bin/sh", "-c",
                                      "echo x > \"$1\"; printf '%s\\n' \"$1\"", "sh", hostile});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::size_t events = Lines(JournalText()).size();
  const Finished shown = person_.Ambit({"audit", "show"});
  EXPECT_EQ(Lines(shown.out).size(), events);
  EXPECT_FALSE(HasControls(shown.out)) << shown.out;
  EXPECT_THAT(shown.out, HasSubstr("\\x1b[2J\\x07\\u202e"));
  for (const char* format : {"jsonl", "ocsf", "csv", "otlp"}) {
    const Finished out = person_.Ambit({"audit", "export", "--format", format});
    EXPECT_EQ(out.exit_code, 0) << out.err;
    std::string text = out.out;
    if (format == std::string("csv")) std::erase(text, '\r');
    EXPECT_FALSE(HasControls(text)) << format;
    const std::size_t lines = Lines(text).size();
    EXPECT_EQ(lines, format == std::string("otlp")  ? 1
                     : format == std::string("csv") ? events + 1
                                                    : events)
        << format;
    if (format == std::string("csv")) continue;
    for (const std::string& line : Lines(text)) EXPECT_NO_THROW((void)json::parse(line)) << format;
  }
}

TEST_P(Audit, ExportsATableThatASpreadsheetReads) {
  ASSERT_EQ(person_.Ambit({"run", "-q", "--", "echo", "=1+1", "a,\"b\""}).exit_code, 0);
  const Finished made = person_.Ambit({"audit", "export", "--format", "csv", "-o", "out.csv"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.out, "");
  const Finished read = person_.Execute(
      {"python3", "-c",
       "import csv\n"
       "rows = list(csv.DictReader(open('out.csv', newline='')))\n"
       "assert [int(r['seq']) for r in rows] == list(range(1, len(rows) + 1))\n"
       "assert all(None not in r and None not in r.values() for r in rows)\n"
       "assert not any(c[:1] in ('=', '+', '-', '@') for r in rows for c in r.values())\n"
       "print([r['event'] for r in rows if r['event'].startswith('run.')])\n"});
  EXPECT_EQ(read.out, "['run.planned', 'run.started', 'run.ended']\n") << read.err;
  const Finished again = person_.Ambit({"audit", "export", "--format", "csv", "-o", "out.csv"});
  EXPECT_EQ(again.exit_code, 125);
  EXPECT_THAT(again.err, HasSubstr("out.csv")) << "nothing is written over";
}

TEST_P(Audit, FollowsARunToItsEnd) {
  const pid_t pid = person_.Start(
      {"run", "-q", "--", "/bin/sh", "-c", "echo up; while ! [ -e end ]; do sleep 0.1; done"},
      "out");
  for (int i = 0; i < 500 && person_.Read("out") != "up\n"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const pid_t follower = person_.Start({"audit", "show", "--follow"}, "followed");
  for (int i = 0; i < 500 && person_.Read("followed").find("run.started") == std::string::npos;
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_THAT(person_.Read("followed"),
              AllOf(HasSubstr("run.started"), Not(HasSubstr("run.ended"))));
  int status = 0;
  EXPECT_EQ(::waitpid(follower, &status, WNOHANG), 0) << "it waits";
  ::kill(pid, SIGTERM);
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(::waitpid(follower, &status, 0), follower);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_THAT(person_.Read("followed"), HasSubstr("run.ended"));
}

TEST_P(Audit, AReaderWhoLeftIsNoError) {
  ASSERT_EQ(person_.Sh("true").exit_code, 0);
  const Finished piped = person_.Execute(
      {"bash", "-c",
       "set -o pipefail; " + AmbitBinary() + " audit show | true; echo ${PIPESTATUS[0]}"});
  EXPECT_THAT(piped.out, ::testing::AnyOf("0\n", "141\n")) << piped.err;
  EXPECT_EQ(piped.err, "");
}

TEST_P(Audit, ListsJournalsAndWhetherTheyAreSealed) {
  ASSERT_EQ(person_.Sh("true").exit_code, 0);
  const std::string sealed = fs::path(Newest()).filename();
  const json rows = json::parse(person_.Ambit({"audit", "list", "--json"}).out);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["run"], sealed);
  EXPECT_EQ(rows[0]["standing"], "sealed");
  EXPECT_EQ(rows[0]["bytes"], fs::file_size(JournalFile()));
  EXPECT_EQ(rows[0]["records"], Lines(JournalText()).size());
  EXPECT_THAT(person_.Ambit({"audit", "list"}).out, HasSubstr(sealed + "  sealed"));
  const std::string good = JournalText();
  std::string edited = good;
  edited.replace(edited.find("run.started"), 3, "ran");
  std::ofstream(JournalFile(), std::ios::trunc) << edited;
  EXPECT_THAT(person_.Ambit({"audit", "list"}).out, HasSubstr(sealed + "  tampered"));
  std::ofstream(JournalFile(), std::ios::trunc) << good;
  fs::resize_file(JournalFile(), fs::file_size(JournalFile()) - 10);
  EXPECT_THAT(person_.Ambit({"audit", "list"}).out, HasSubstr(sealed + "  unsealed"));
}

TEST_P(Audit, WarnsOfAJournalThatIsNotAsItWasWritten) {
  ASSERT_EQ(person_.Sh("exit 3").exit_code, 3);
  std::string text = JournalText();
  const std::size_t at = text.find("\"exit_code\":3");
  ASSERT_NE(at, std::string::npos);
  text[at + 12] = '0';
  std::ofstream(JournalFile(), std::ios::trunc) << text;
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"audit", "show"}, {"audit", "export", "--format", "ocsf"}, {"why"}}) {
    EXPECT_THAT(person_.Ambit(command).err, HasSubstr("not as it was written")) << command[0];
  }
  EXPECT_EQ(Lines(person_.Ambit({"audit", "show"}).out).size(), Lines(text).size());
}

TEST_P(Audit, AJournalHoldsNothingThatTheTableLacks) {
  person_.Write("project/ambit.toml", "[fs]\nproject = 'rw'\n");  // left out: it is not trusted
  person_.MakeGitProject();
  ASSERT_EQ(Refused().exit_code, 0);
  EXPECT_EQ(person_.Ambit({"apply", "--yes"}).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"discard", "--yes"}).exit_code, 0);
  const json schema = json::parse(person_.Ambit({"audit", "schema", "--json"}).out);
  std::set<std::string> names;
  for (const std::string& line : Lines(JournalText())) {
    const json event = json::parse(line);
    const std::string name = event.at("event");
    names.insert(name);
    for (const json& required : schema.at("required")) {
      EXPECT_TRUE(event.contains(required.get<std::string>())) << line;
    }
    bool known = false;
    for (const json& rule : schema.at("allOf")) {
      if (rule.at("if").at("properties").at("event").at("const") != name) continue;
      known = true;
      for (const auto& [field, value] : event.items()) {
        EXPECT_TRUE(rule.at("then").at("properties").contains(field)) << name << "." << field;
      }
    }
    EXPECT_TRUE(known) << name;
  }
  for (const char* name :
       {"journal.head", "policy.left_out", "denial", "run.ended", "apply.started", "apply.ended",
        "undo.ended", "work.discarded", "journal.close"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST_P(Audit, TheAgentAndThePersonAreToldWhatWasRefused) {
  const Finished run = Refused();
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, AllOf(HasSubstr("Z refused: a connection to 127.0.0.1 port 1 | by: no rule "
                                       "names it | allowed by: ambit run --host-port 1\n"),
                             Not(HasSubstr("y\n"))));
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("ended: exited 0 after "), HasSubstr("it changed 1 file (1 added)"),
                    HasSubstr("2 things refused, the newest: ")));
  EXPECT_THAT(person_.Ambit({"audit", "show", "--denied"}).out,
              HasSubstr("denial              a connection to 127.0.0.1 port 1: no rule names it"));
  const Finished silent = person_.Ambit({"run", "--", "true"});
  EXPECT_THAT(silent.err, AllOf(Not(HasSubstr("ended:")), Not(HasSubstr("refused"))));
  EXPECT_EQ(person_.Sh("echo x > new").err, "") << "-q";
}

TEST_P(Audit, TheListOfWhatWasRefusedIsBounded) {
  const Finished run =
      person_.Ambit({"run", "-q", "--allow", "example.com", "--", "bash", "-c",
                     "exec 2>/dev/null; for i in $(seq 1500); do : < /dev/tcp/10.1.$((i / "
                     "250)).$((i % 250))/443; done; "
                     "sleep 0.3; wc -c < /run/ambit/denials; tail -n 1 /run/ambit/denials"});
  const std::vector<std::string> lines = Lines(run.out);
  ASSERT_EQ(lines.size(), 2U) << run.out;
  EXPECT_LE(std::stoul(lines[0]), 65536U);
  EXPECT_THAT(lines[1], StartsWith("more was refused and is not shown here"));
}

}  // namespace
}  // namespace ambit::testing
