#pragma once
// Assembles a classic BPF program from its end towards its start.
//
// Jumps in BPF go forward only, so a target exists before whatever jumps to it, and equal
// instructions with equal targets are emitted once. Conditional jumps reach 255 instructions; a
// target further away gets a stepping stone (an unconditional jump, 32 bits) within reach.
//
// Used by CompileFilter only. The instruction emitted last is where the program starts.
#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

namespace ambit::plan {

class FilterProgramBuilder {
 public:
  /// Names an emitted instruction; two labels are equal exactly when they are one instruction.
  using Label = std::size_t;

  Label Return(std::uint32_t value);
  /// Loads the 32-bit word of seccomp_data at `offset`, then goes on at `next`.
  Label Load(std::uint32_t offset, Label next);
  /// Ands the loaded word with `mask`, then goes on at `next`.
  Label And(std::uint32_t mask, Label next);
  Label IfEqual(std::uint32_t value, Label yes, Label no);
  Label IfAtLeast(std::uint32_t value, Label yes, Label no);
  Label IfAnyBit(std::uint32_t mask, Label yes, Label no);

  [[nodiscard]] std::vector<sock_filter> Finish() &&;

 private:
  using Key = std::tuple<std::uint16_t, std::uint32_t, Label, Label>;

  Label Straight(std::uint16_t code, std::uint32_t k, Label next);
  Label Branch(std::uint16_t code, std::uint32_t k, Label yes, Label no);
  Label JumpTo(Label target);
  Label Append(std::uint16_t code, std::uint32_t k, std::size_t jt, std::size_t jf);
  [[nodiscard]] std::size_t DistanceTo(Label target) const { return reversed_.size() - target - 1; }

  std::vector<sock_filter> reversed_;
  std::map<Key, Label> emitted_;
  std::map<Label, Label> nearest_stone_;  // far target -> its latest stepping stone
};

}  // namespace ambit::plan
