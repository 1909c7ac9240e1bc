#include "egress/holds.h"

#include <errno.h>

#include <algorithm>

#include "egress/patience.h"

namespace ambit::egress {
namespace {

/// How soon it is seen that a client has given up.
constexpr std::chrono::milliseconds kBetweenLooks(500);

/// A client that has said its last word before anybody listened waits for nothing.
bool HasGone(int client) { return StateOf(client) != Client::kThere; }

}  // namespace

Holds::Question* Holds::Find(const Address& target, const HostName* name) {
  const auto same = std::ranges::find_if(questions_, [&](const Question& question) {
    if (question.end || question.target.port != target.port || question.name != name) return false;
    return name != nullptr || question.target == target;
  });
  return same != questions_.end() ? &*same : nullptr;
}

EgressReport Holds::About(const Question& question, ReportKind kind, int error) {
  EgressReport report{
      .kind = kind, .family = question.target.family, .port = question.target.port, .error = error};
  report.address = question.target.bytes;
  if (question.name != nullptr) report.name = TextOfName(question.name->text());
  return report;
}

void Holds::Tell(const Question& question, ReportKind kind, int error) {
  EgressReport report = About(question, kind, error);
  report.connection = question.id;
  reporter_.Send(report);
}

Task<Holds::End> Holds::Wait(int client, const Address& target, const HostName* name) {
  if (waiting_ >= most_) co_return End::kTooMany;
  Question* question = Find(target, name);
  if (question == nullptr) {
    if (questions_.size() >= kMostQuestions) co_return End::kTooMany;
    question =
        &questions_.emplace_back(Question{.id = ++last_question_, .target = target, .name = name});
    Tell(*question, ReportKind::kHeld, 0);
  }
  ++waiting_;
  const End end = co_await WaitFor(*question, client);
  --waiting_;
  if (question->waiting.empty()) {
    Tell(*question, ReportKind::kLetGo, end == End::kNobody ? ETIMEDOUT : 0);
    questions_.remove_if([&](const Question& one) { return &one == question; });
  }
  co_return end;
}

Task<Holds::End> Holds::WaitFor(Question& question, int client) {
  Timer timer(loop_.get_executor());
  const auto until = std::chrono::steady_clock::now() + kLongest;
  question.waiting.push_back(&timer);
  End end = End::kNobody;
  while (std::chrono::steady_clock::now() < until) {
    timer.expires_after(kBetweenLooks);
    co_await egress::Wait(timer);
    if (question.end || HasGone(client)) {
      end = question.end.value_or(End::kGone);
      break;
    }
  }
  std::erase(question.waiting, &timer);
  co_return end;
}

void Holds::Answer(std::uint32_t question, bool allowed) {
  const auto found = std::ranges::find(questions_, question, &Question::id);
  if (found == questions_.end() || found->end) return;
  found->end = allowed ? End::kAllowed : End::kRefused;
  for (Timer* timer : found->waiting) timer->cancel();
}

void Holds::Reconsider(const IsAsked& is_asked) {
  for (Question& question : questions_) {
    if (question.end || is_asked(question.target, question.name)) continue;
    question.end = End::kDecided;
    for (Timer* timer : question.waiting) timer->cancel();
  }
}

void Holds::GiveUp() {
  for (const Question& question : questions_) {
    if (!question.end) reporter_.Send(About(question, ReportKind::kDenied, ECONNABORTED));
  }
}

}  // namespace ambit::egress
