#include "plan/filter_program_builder.h"

#include <algorithm>
#include <utility>

namespace ambit::plan {
namespace {

constexpr std::size_t kReach = 255;
constexpr FilterProgramBuilder::Label kNone = static_cast<std::size_t>(-1);

}  // namespace

FilterProgramBuilder::Label FilterProgramBuilder::Append(std::uint16_t code, std::uint32_t k,
                                                         std::size_t jt, std::size_t jf) {
  reversed_.push_back({.code = code,
                       .jt = static_cast<std::uint8_t>(jt),
                       .jf = static_cast<std::uint8_t>(jf),
                       .k = k});
  return reversed_.size() - 1;
}

FilterProgramBuilder::Label FilterProgramBuilder::JumpTo(Label target) {
  return Append(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(DistanceTo(target)), 0, 0);
}

FilterProgramBuilder::Label FilterProgramBuilder::Return(std::uint32_t value) {
  const auto [slot, is_new] = emitted_.try_emplace({BPF_RET | BPF_K, value, kNone, kNone}, kNone);
  if (is_new) slot->second = Append(BPF_RET | BPF_K, value, 0, 0);
  return slot->second;
}

FilterProgramBuilder::Label FilterProgramBuilder::Straight(std::uint16_t code, std::uint32_t k,
                                                           Label next) {
  const auto [slot, is_new] = emitted_.try_emplace({code, k, next, kNone}, kNone);
  if (is_new) {
    if (DistanceTo(next) != 0) JumpTo(next);
    slot->second = Append(code, k, 0, 0);
  }
  return slot->second;
}

FilterProgramBuilder::Label FilterProgramBuilder::Branch(std::uint16_t code, std::uint32_t k,
                                                         Label yes, Label no) {
  if (yes == no) return yes;
  const auto [slot, is_new] = emitted_.try_emplace({code, k, yes, no}, kNone);
  if (!is_new) return slot->second;

  // A stone moves everything by one, so a target at the rim counts as out of reach.
  const auto within_reach = [&](Label target) {
    if (DistanceTo(target) < kReach) return target;
    const auto stone = nearest_stone_.find(target);
    if (stone != nearest_stone_.end() && DistanceTo(stone->second) < kReach) return stone->second;
    return nearest_stone_[target] = JumpTo(target);
  };
  const Label yes_hop = within_reach(yes);
  const Label no_hop = within_reach(no);
  return slot->second = Append(code, k, DistanceTo(yes_hop), DistanceTo(no_hop));
}

FilterProgramBuilder::Label FilterProgramBuilder::Load(std::uint32_t offset, Label next) {
  return Straight(BPF_LD | BPF_W | BPF_ABS, offset, next);
}
FilterProgramBuilder::Label FilterProgramBuilder::And(std::uint32_t mask, Label next) {
  return Straight(BPF_ALU | BPF_AND | BPF_K, mask, next);
}
FilterProgramBuilder::Label FilterProgramBuilder::IfEqual(std::uint32_t value, Label yes,
                                                          Label no) {
  return Branch(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}
FilterProgramBuilder::Label FilterProgramBuilder::IfAtLeast(std::uint32_t value, Label yes,
                                                            Label no) {
  return Branch(BPF_JMP | BPF_JGE | BPF_K, value, yes, no);
}
FilterProgramBuilder::Label FilterProgramBuilder::IfAnyBit(std::uint32_t mask, Label yes,
                                                           Label no) {
  return Branch(BPF_JMP | BPF_JSET | BPF_K, mask, yes, no);
}

std::vector<sock_filter> FilterProgramBuilder::Finish() && {
  std::ranges::reverse(reversed_);
  return std::move(reversed_);
}

}  // namespace ambit::plan
