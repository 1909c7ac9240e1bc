#include "supervise/commit_timer.h"

#include <boost/system/error_code.hpp>

namespace ambit::supervise {

void CommitTimer::After(std::string_view name, event::Sink& sink) {
  if (set_ || !event::IsGathered(name)) return;
  set_ = true;
  timer_.expires_after(event::kCommitInterval);
  timer_.async_wait([this, &sink](const boost::system::error_code& error) {
    set_ = false;
    if (error) return;
    sink.Commit();
    check_();
  });
}

}  // namespace ambit::supervise
