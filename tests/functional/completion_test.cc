// The completions, asked of the real shells. Each says what it would offer, one word a line.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>
#include <vector>

#include "everyday.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

using Words = std::vector<std::string>;

// $1: the directory of the program; then the words, the last of which is completed.
constexpr const char* kBash = R"sh(
PATH=$1:$PATH
eval "$(ambit completion bash)"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_ambit "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
)sh";

constexpr const char* kFish = R"sh(
set -x PATH $argv[1] $PATH
ambit completion fish | source
complete -C (string join ' ' -- $argv[2..-1])
)sh";

// The line editor alone completes: one is started on a terminal, fills its line by itself, and
// what its widget would have added is written down instead.
constexpr const char* kZshStart = R"sh(
PATH=$BIN:$PATH LISTMAX=100000
autoload -Uz compinit
compinit -C -d $ZDOTDIR/dump
source <(ambit completion zsh)
compadd() {
  local -a found
  if [[ ${@[1,(i)(-|--)]} == *-[a-zA-Z]#[OAD]* ]]; then builtin compadd "$@"; return; fi
  builtin compadd -O found "$@"
  print -rl -- $found >>$FOUND
  builtin compadd "$@"
}
Ask() {
  LBUFFER=$LINE
  zle list-choices
  exit
}
zle -N zle-line-init Ask
)sh";
constexpr const char* kZsh = R"sh(
zmodload zsh/zpty
export BIN=$1 LINE=${(j: :)@[2,-1]} FOUND=$ZDOTDIR/found TERM=dumb
: >$FOUND
zpty editor zsh -i
while zpty -r editor text; do :; done
cat $FOUND
)sh";

/// One that goes on as long as this lives.
class LiveRun {
 public:
  explicit LiveRun(Scratch& person)
      : pid_(person.Start({"run", "-q", "--", "sh", "-c", "echo up; sleep 60"}, "live.out")) {
    for (int i = 0; i < 500 && person.Read("live.out") != "up\n"; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const std::string out = person.Ambit({"ps"}).out;
    const std::size_t at = out.find("\nr-");
    if (at != std::string::npos) id_ = out.substr(at + 1, 10);
  }
  LiveRun(const LiveRun&) = delete;
  LiveRun& operator=(const LiveRun&) = delete;
  ~LiveRun() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  pid_t pid_;
  std::string id_ = "no run";
};

class Completion : public Everyday {
 protected:
  static std::string Directory() {
    const std::string binary = AmbitBinary();
    return binary.substr(0, binary.rfind('/'));
  }

  Words Offered(const Finished& done) const {
    EXPECT_EQ(done.err, "");
    Words words;
    std::istringstream lines(done.out);
    for (std::string line; std::getline(lines, line);) {
      const std::string word = line.substr(0, line.find('\t'));  // fish tells what it is
      if (!word.empty()) words.push_back(word);
    }
    return words;
  }

  Words Bash(Words words) {
    return Ask({"bash", "--norc", "-c", kBash, "bash", Directory()}, std::move(words));
  }
  Words Fish(Words words) {
    return Ask({"fish", "--no-config", "-c", kFish, Directory()}, std::move(words));
  }
  Words Zsh(Words words) {
    person_.Write("zsh/.zshrc", kZshStart);
    Words offered = Ask({"zsh", "-f", "-c", kZsh, "zsh", Directory()}, std::move(words),
                        {{"ZDOTDIR", person_.root() + "/zsh"}});
    for (std::string& word : offered) std::erase(word, '\\');
    return offered;
  }
  Words Ask(Words argv, Words words, const std::map<std::string, std::string>& environment = {}) {
    argv.insert(argv.end(), words.begin(), words.end());
    return Offered(person_.Execute(argv, {}, environment));
  }

  /// What every shell has to know alike; `ask` is one of them.
  template <class Shell>
  void ExpectTheSame(const Shell& ask) {
    EXPECT_THAT(ask({"ambit", "di"}), UnorderedElementsAre("diff", "discard"));
    EXPECT_THAT(ask({"ambit", ""}), IsSupersetOf({"run", "apply", "completion"}));
    EXPECT_THAT(ask({"ambit", "completion", ""}), UnorderedElementsAre("bash", "fish", "zsh"));
    EXPECT_THAT(ask({"ambit", "run", "--pro"}), Contains("--project"));
    EXPECT_THAT(ask({"ambit", "run", "--project", ""}), UnorderedElementsAre("cow", "ro", "rw"));
    EXPECT_THAT(ask({"ambit", "run", "-C", "run", "--project", "r"}),
                UnorderedElementsAre("ro", "rw"));
    EXPECT_THAT(ask({"ambit", "diff", "--col"}), Contains("--color"));
    EXPECT_THAT(ask({"ambit", "diff", "--pro"}), Not(Contains("--project")));

    EXPECT_THAT(ask({"ambit", "run", "--ro", "sou"}), Contains(::testing::StartsWith("sources")));
    EXPECT_THAT(ask({"ambit", "run", "-C", "so"}), Not(Contains("source.txt")));
    EXPECT_THAT(ask({"ambit", "run", "--env", "AMBIT_TEST_VARI"}),
                IsEmpty());  // the control of the next line
    EXPECT_THAT(ask({"ambit", "run", "--env", "HOM"}), Contains("HOME"));

    const std::string id = RunId();
    EXPECT_THAT(ask({"ambit", "diff", "r-"}), Contains(id));
    EXPECT_THAT(ask({"ambit", "rm", "r-no", "r-"}), Contains(id));
    const LiveRun live(person_);
    EXPECT_THAT(ask({"ambit", "diff", "r-"}), IsSupersetOf({id, live.id()}));
    for (const char* command : {"approve", "deny", "publish"}) {
      EXPECT_THAT(ask({"ambit", command, "r-"}), AllOf(Contains(live.id()), Not(Contains(id))))
          << command;
    }

    EXPECT_THAT(ask({"ambit", "run", "--", "bas"}), Contains("base64"));
    EXPECT_THAT(ask({"ambit", "run", "-q", "--", "cat", "sou"}), IsSupersetOf({"source.txt"}));
  }

  void MakeProject() {
    person_.Write("project/source.txt", "x\n");
    person_.Write("project/sources/a", "x\n");
    person_.MakeGitProject();
    ASSERT_EQ(person_.Sh("true").exit_code, 0);
  }

  std::string RunId() {
    const std::string out = person_.Ambit({"ps", "-a"}).out;
    const std::size_t at = out.find("\nr-");
    return at == std::string::npos ? "no run" : out.substr(at + 1, 10);
  }
};
INSTANTIATE_TEST_SUITE_P(As, Completion, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(Completion, OfBashOffersWhatTheCommandLineTakes) {
  MakeProject();
  ExpectTheSame([&](Words words) { return Bash(std::move(words)); });
  EXPECT_THAT(Bash({"ambit", "run", "--project", "=", "r"}), UnorderedElementsAre("ro", "rw"));
  EXPECT_THAT(Bash({"ambit", "run", ""}), ElementsAre("--"));
  EXPECT_THAT(Bash({"ambit", "diff", "--", "source."}), ElementsAre("source.txt"));
  EXPECT_THAT(Bash({"ambit", "ps", ""}), IsEmpty());
}

TEST_P(Completion, OfBashIsAScriptWithoutFindings) {
  const std::string script = person_.Ambit({"completion", "bash"}).out;
  person_.Write("ambit.bash", script);
  const Finished checked =
      person_.Execute({"shellcheck", "-s", "bash", person_.root() + "/ambit.bash"});
  EXPECT_EQ(checked.exit_code, 0) << checked.out;
}

TEST_P(Completion, OfFishOffersWhatTheCommandLineTakes) {
  MakeProject();
  ExpectTheSame([&](Words words) { return Fish(std::move(words)); });
  EXPECT_THAT(Fish({"ambit", "diff", "--", "source."}), ElementsAre("source.txt"));
}

TEST_P(Completion, OfZshOffersWhatTheCommandLineTakes) {
  MakeProject();
  ExpectTheSame([&](Words words) { return Zsh(std::move(words)); });
}

TEST_P(Completion, IsRefusedForAShellThatIsNotKnown) {
  const Finished done = person_.Ambit({"completion", "tcsh"});
  EXPECT_EQ(done.exit_code, 125);
  EXPECT_EQ(done.out, "");
}

}  // namespace
}  // namespace ambit::testing
