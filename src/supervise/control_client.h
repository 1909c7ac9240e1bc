#pragma once
// What is said to a run that is going on, over its control socket (control_socket.h), and its
// reply. Who calls: the command line.
#include <chrono>
#include <vector>

#include "base/error.h"
#include "supervise/control_message.h"

namespace ambit::supervise {

inline constexpr std::chrono::seconds kControlPatience(10);

/// The run's records in order, the last one kDone or kFailed. Errors: kNotFound: the run is not
/// going on, or is of an ambit that listens to nobody; kIo; what DecodeReply says.
Result<std::vector<ControlReply>> Say(int run_directory, const ControlRequest& request,
                                      std::chrono::seconds patience = kControlPatience);

}  // namespace ambit::supervise
