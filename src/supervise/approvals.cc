#include "supervise/approvals.h"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "egress/holds.h"
#include "policy/net_decision.h"

namespace ambit::supervise {
namespace {

/// Whether the answer `rule` is one to this question.
bool IsMeant(const policy::NetRule& rule, const Approvals::Question& question) {
  const auto asked = policy::ParseNetRule(question.target, {});
  return asked && policy::Covers(rule, *asked);
}

}  // namespace

std::string TargetOf(const egress::EgressReport& report) {
  policy::NetRule rule{.port = report.port};
  if (const auto name = HostName::Parse(egress::NameIn(report.name))) {
    rule.name = *name;
  } else {
    const bool v6 = report.family == 6;
    policy::AddressBytes address{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    std::copy_n(report.address.begin(), v6 ? 16 : 4, address.begin() + (v6 ? 0 : 12));
    rule.range = policy::AddressRange{.first = address};
  }
  return policy::TextOf(rule);
}

void Approvals::On(const egress::EgressReport& report) {
  std::erase_if(waiting_, [&](const Question& one) { return one.id == report.connection; });
  if (report.kind == egress::ReportKind::kLetGo) return;
  if (waiting_.size() >= egress::Holds::kMostQuestions) return;  // no honest egress asks more
  waiting_.push_back({.id = report.connection, .target = TargetOf(report), .since = Clock::now()});
  inputs_.asked(waiting_.back());
}

Result<std::uint32_t> Approvals::Answer(const Verdict& verdict) {
  AMBIT_TRY(const policy::NetRule rule,
            policy::ParseNetRule(verdict.target, verdict.allow ? "ambit approve" : "ambit deny"));
  return verdict.scope == Scope::kOnce ? AnswerOnce(verdict, rule) : AddRule(verdict, rule);
}

Result<std::uint32_t> Approvals::AnswerOnce(const Verdict& verdict, const policy::NetRule& rule) {
  if (verdict.allow) AMBIT_CHECK(CanBeGranted(rules_, rule));
  std::vector<std::uint32_t> meant;
  for (const Question& question : waiting_) {
    if (IsMeant(rule, question)) meant.push_back(question.id);
  }
  if (meant.empty()) {
    return Fail(Errc::kNotFound, fmt::format("nothing waits for '{}'", policy::TextOf(rule)),
                "an answer for the run, as a rule, needs nobody who waits: --run");
  }
  Record(verdict, rule, meant.size(), TakesBack::kNothing);
  for (const std::uint32_t id : meant) {
    AMBIT_CHECK(inputs_.order(
        {.kind = egress::OrderKind::kAnswer, .question = id, .allowed = verdict.allow}));
  }
  return static_cast<std::uint32_t>(meant.size());
}

Result<std::uint32_t> Approvals::AddRule(const Verdict& verdict, const policy::NetRule& rule) {
  egress::RunRules changed = rules_;
  TakesBack takes_back = TakesBack::kNothing;
  if (verdict.allow) {
    if (changed.Allow(rule)) takes_back = TakesBack::kADenial;
    AMBIT_CHECK(CanBeGranted(changed, rule));
    AMBIT_CHECK(CanBeReached(rule));
  } else {
    changed.Deny(rule);
  }
  if (changed.rules().allow.size() + changed.rules().deny.size() > policy::kMostNetRules) {
    return Fail(Errc::kLimit,
                fmt::format("the run has {} rules, and may have no more", policy::kMostNetRules),
                "answer once, without a rule: --once");
  }
  const auto answered = std::ranges::count_if(
      waiting_, [&](const Question& question) { return IsMeant(rule, question); });
  Record(verdict, rule, static_cast<std::size_t>(answered), takes_back);
  // What egress does not know does not hold.
  AMBIT_CHECK(
      inputs_.order({.kind = verdict.allow ? egress::OrderKind::kAllow : egress::OrderKind::kDeny,
                     .text = policy::TextOf(rule)}));
  rules_ = std::move(changed);
  return static_cast<std::uint32_t>(answered);
}

/// `rules`: as they would be then.
Status Approvals::CanBeGranted(const egress::RunRules& rules, const policy::NetRule& rule) const {
  AMBIT_CHECK(policy::CanBeAllowed(rule));
  Status may = policy::MayGrant(rules.rules(), rule);
  if (may) return inputs_.before_allowing(rule);
  if (const std::string denial = rules.OwnDenialOf(rule); !denial.empty()) {
    return Fail(may.error().code, may.error().what,
                fmt::format("'ambit approve {}', without --once, takes that denial back", denial));
  }
  return may;
}

/// What was built when the run began stays: whether names are answered, and which ports the run's
/// own kernel lets through.
Status Approvals::CanBeReached(const policy::NetRule& rule) const {
  const plan::NetworkPlan& plan = inputs_.plan;
  if (!plan.HasNames()) {
    return Fail(Errc::kUnsupported, "the run was started without a network, and gets none now",
                "start it with --ask, or with --allow");
  }
  if (plan.CapturesEveryPort()) return {};
  const auto open = policy::PortsOf(plan.rules);
  const policy::NetRules only{.allow = {rule}, .deny = {}};
  for (const std::uint16_t port : policy::PortsOf(only)) {
    if (std::ranges::find(open, port) != open.end()) continue;
    return Fail(Errc::kUnsupported,
                fmt::format("port {} is closed in the run's own kernel since it began", port),
                fmt::format("start the run with --ask, or with --allow {}", policy::TextOf(rule)));
  }
  return {};
}

void Approvals::Record(const Verdict& verdict, const policy::NetRule& rule, std::size_t answered,
                       TakesBack takes_back) const {
  event::Event event{event::kNetAnswered,
                     {{"allowed", verdict.allow},
                      {"rule", policy::TextOf(rule)},
                      {"scope", std::string(NameOf(verdict.scope))},
                      {"answered", static_cast<std::int64_t>(answered)}}};
  if (takes_back == TakesBack::kADenial) event.fields.push_back({"takes_back_denial", true});
  inputs_.emit(event);
}

}  // namespace ambit::supervise
