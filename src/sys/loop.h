#pragma once
// A file as a block device. Root only. Source: loop(4).
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::sys {

struct LoopDevice {
  std::string path;  // "/dev/loop3"
  Fd fd;             // the device is gone when nobody has it open or mounted
};

/// Errors: kDenied, kUnsupported (no /dev/loop-control), kLimit when others take every free device.
Result<LoopDevice> AttachLoopDevice(int file);

}  // namespace ambit::sys
