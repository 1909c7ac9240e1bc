#pragma once
// Where events go that nobody will ask for: of a rehearsal, of a test. Who calls: supervise/doctor.
#include "event/event.h"

namespace ambit::event {

/// Keeps nothing, and so never fails.
class Forget : public Sink {
 public:
  void Emit(const Event&) override {}
  void Commit() override {}
  [[nodiscard]] const Status& status() const override { return status_; }

 private:
  Status status_;
};

}  // namespace ambit::event
