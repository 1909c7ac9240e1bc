#include "spawn/native/walls.h"

#ifdef AMBIT_TEST_WALLS

#include <cstdlib>
#include <string>

namespace ambit::spawn::native {
namespace {
std::string g_off_for_test;  // set once in main, before anything is forked
}  // namespace

void ReadWallSwitchesForTest() {
  if (const char* off = std::getenv("AMBIT_TEST_WALLS_OFF")) g_off_for_test = off;
}

bool Stands(Wall wall) {
  const auto name = [&]() -> const char* {
    switch (wall) {
      case Wall::kMounts:
        return "mounts";
      case Wall::kLandlock:
        return "landlock";
      case Wall::kSeccomp:
        return "seccomp";
      case Wall::kLifeLine:
        return "lifeline";
    }
    return "";
  };
  return g_off_for_test.find(name()) == std::string::npos;
}

}  // namespace ambit::spawn::native

#endif
