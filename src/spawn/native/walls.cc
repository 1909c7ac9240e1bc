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
  const char* name = "";
  switch (wall) {
    case Wall::kMounts:
      name = "mounts";
      break;
    case Wall::kLandlock:
      name = "landlock";
      break;
    case Wall::kSeccomp:
      name = "seccomp";
      break;
    case Wall::kLifeLine:
      name = "lifeline";
      break;
  }
  return g_off_for_test.find(name) == std::string::npos;
}

}  // namespace ambit::spawn::native

#endif
