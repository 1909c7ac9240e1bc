#pragma once
// Sends reports to the supervisor without ever waiting for it.
#include "egress/loop.h"
#include "egress/report.h"

namespace ambit::egress {

class Reporter {
 public:
  /// `control` must outlive the reporter and everything spawned on its loop.
  explicit Reporter(Descriptor& control) : control_(control) {}

  void Send(EgressReport report);

 private:
  bool TrySend(const EgressReport& report);
  Task<> SendCountWhenThereIsRoom();

  Descriptor& control_;
  std::uint64_t dropped_ = 0;
  bool waiting_ = false;
};

}  // namespace ambit::egress
