// Property: whatever a resolver inside sends, the answer is none or a whole message of at most the
// bytes that were asked for, with the question's number, only an allowed name has an address, and
// EDNS of an unknown version gets nothing.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "egress/responder.h"
#include "policy/net_decision.h"

namespace {

using namespace ambit;

void Require(bool holds) {
  if (!holds) std::abort();
}

policy::NetRules Rules() {
  policy::NetRules rules;
  rules.allow = {*policy::ParseNetRule("*.example.com", {}), *policy::ParseNetRule("a.b:22", {})};
  rules.deny = {*policy::ParseNetRule("no.example.com", {})};
  return rules;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const policy::NetRules rules = Rules();
  const auto message = std::as_bytes(std::span(data, size));
  for (const auto over : {egress::Responder::Over::kUdp, egress::Responder::Over::kTcp}) {
    egress::NameTable table({0xfd, 1, 2, 3, 4, 5, 6, 7});
    int refused = 0;
    egress::Responder responder(
        rules, table,
        [&](const HostName*, const policy::NetDecision&, std::uint8_t) { ++refused; });
    const std::string answer = responder.AnswerTo(message, over);
    if (answer.empty()) continue;
    Require(size >= 12 && answer.size() >= 12);
    Require(answer[0] == static_cast<char>(data[0]) && answer[1] == static_cast<char>(data[1]));
    Require((answer[2] & 0x80) != 0 && (data[2] & 0x80) == 0);
    Require(answer.size() <= (over == egress::Responder::Over::kUdp ? 1232U : 65'535U));
    const auto question = proto::dns::ReadQuestion(message);
    Require(question.has_value());
    if (question->question.edns_version != 0) {
      Require(answer[6] == 0 && answer[7] == 0 && refused == 0);
    }
    // An address was given away: of a name that the rules allow.
    const egress::Address first{.family = 4, .port = 0, .bytes = {198, 18, 0, 1}};
    if (const HostName* name = table.NameOf(first)) {
      Require(refused == 0 && question->question.host == *name);
      Require(policy::DecideName(rules, *name).allowed);
    }
  }
  return 0;
}
