#include "cli/after_run.h"

#include <fmt/format.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/other_refs.h"
#include "cli/question.h"
#include "cli/review_commands.h"
#include "cli/run_work.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "review/diff.h"
#include "supervise/terminal.h"
#include "workspace/change_walk.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

constexpr std::size_t kMaxNamed = 10;

void Say(const std::string& text) { fmt::print(stderr, "ambit: {}\n", text); }

/// The names as 'ambit diff --name-status' gives them, the first few.
Status NameThem(const workspace::ChangeSet& set) {
  workspace::ChangeSet first;
  const auto count = std::min(set.changes.size(), kMaxNamed);
  first.changes.assign(set.changes.begin(), set.changes.begin() + static_cast<long>(count));
  std::string names;
  AMBIT_CHECK(review::RenderNameStatus(first, review::AppendTo(names)));
  std::fputs(names.c_str(), stderr);
  if (set.changes.size() > kMaxNamed) {
    fmt::print(stderr, "... and {} more\n", set.changes.size() - kMaxNamed);
  }
  return {};
}

/// False: there is nothing to ask about.
Result<bool> Summarise(const std::string& id) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const workspace::RunMeta meta, FindRun(store, person, id));
  AMBIT_TRY(const workspace::RunDir dir, store.OpenRun(meta.id));
  AMBIT_TRY(const workspace::OverlayLayer layer, ProjectLayerOf(store, meta));
  AMBIT_TRY(const workspace::ChangeSet set, workspace::WalkChanges(layer));
  if (set.changes.empty()) {
    if (!set.git.empty()) {
      Say(fmt::format("{} changed files of git alone: 'ambit branch NAME {}' brings its commits",
                      id, id));
      NameOtherRefs(meta, dir.path);
    }
    return false;
  }
  Say(fmt::format("{} changed {}{}", id, CountsOf(set.changes), set.truncated ? " and more" : ""));
  AMBIT_CHECK(NameThem(set));
  if (!set.git.empty()) {
    Say(fmt::format("files of git changed too: 'ambit branch NAME {}' brings commits", id));
    NameOtherRefs(meta, dir.path);
  }
  AMBIT_TRY(const std::vector<review::GatedChange> gated, review::GatedChanges(layer, set));
  const auto held = static_cast<std::size_t>(
      std::ranges::count(gated, review::GateVerdict::kHeld,
                         [](const review::GatedChange& gate) { return gate.decision.verdict; }));
  if (held != 0) {
    Say(fmt::format("{} the host would act on by itself: apply asks for each",
                    Count(held, "changed path")));
  }
  return true;
}

enum class Wish : std::uint8_t { kApply, kReview, kKeep, kDiscard };

Wish AskForWish() {
  for (;;) {
    // What was typed before the question was seen is no answer to it.
    ::tcflush(0, TCIFLUSH);
    const std::optional<std::string> answer = Ask("apply, review, keep or discard? [keep]");
    if (!answer || answer->empty() || *answer == "k" || *answer == "keep") return Wish::kKeep;
    if (*answer == "a" || *answer == "apply") return Wish::kApply;
    if (*answer == "r" || *answer == "review") return Wish::kReview;
    if (*answer == "discard") return Wish::kDiscard;
    fmt::print(stderr, "a, r, k, or the whole word discard, which cannot be taken back\n");
  }
}

void Report(const Error& error) { (void)Complain(error.what, error.remedy); }

void Keep(const std::string& id) {
  Say(fmt::format("kept: 'ambit apply {}' brings it, 'ambit discard {}' drops it", id, id));
}

void DoAsAsked(const std::string& id) {
  for (;;) {
    switch (AskForWish()) {
      case Wish::kKeep:
        return Keep(id);
      case Wish::kApply:
        if (const auto applied = ApplyAgreed(id); !applied) Report(applied.error());
        return;
      case Wish::kDiscard:
        if (const Status done = DiscardRun(id); !done) return Report(done.error());
        return Say(fmt::format("{} is discarded", id));
      case Wish::kReview:
        if (const Status shown = ShowDiffOf(id); !shown) Report(shown.error());
    }
  }
}

/// While it lives Ctrl-C ends a question, not ambit: an apply is finished, and the exit code is the
/// agent's.
class InterruptEndsQuestion {
 public:
  InterruptEndsQuestion() {
    struct sigaction caught{};
    caught.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGINT, &caught, &before_);
  }
  InterruptEndsQuestion(const InterruptEndsQuestion&) = delete;
  InterruptEndsQuestion& operator=(const InterruptEndsQuestion&) = delete;
  ~InterruptEndsQuestion() { ::sigaction(SIGINT, &before_, nullptr); }

 private:
  struct sigaction before_{};
};

}  // namespace

bool CanReviewWithPerson() {
  const supervise::StandardStreams streams = supervise::InspectStandardStreams();
  return streams.input && streams.error;
}

void ReviewWithPerson(const std::string& run) {
  // What the agent printed goes wherever standard output leads; the review belongs to the terminal.
  std::fflush(stdout);
  ::dup2(2, 1);
  // The agent may have left the terminal with hidden text or without a cursor.
  std::fputs("\x1b[m\x1b[?25h", stderr);
  const Result<bool> changed = Summarise(run);
  if (!changed) return Report(changed.error());
  if (!*changed) return;
  const InterruptEndsQuestion guard;
  DoAsAsked(run);
}

}  // namespace ambit::cli
