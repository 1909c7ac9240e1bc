#pragma once
// Which walls a run is built with. In the product every wall always stands: StandsFor is constant
// and the compiler removes the question. The test-only build (AMBIT_TEST_WALLS) can leave one out,
// to show that the others hold without it; it is never installed.
#include <cstdint>
#include <string_view>

namespace ambit::spawn::native {

enum class Wall : std::uint8_t {
  kMounts,  // read-only mounts and the masks over /proc
  kLandlock,
  kSeccomp,
  kLifeLine,  // the pipe; PDEATHSIG is left out with it
};

#ifdef AMBIT_TEST_WALLS
/// Reads AMBIT_TEST_WALLS_OFF (a comma-separated list) once, before the environment is scrubbed.
void ReadWallSwitchesForTest();
bool Stands(Wall wall);
#else
constexpr bool Stands(Wall) { return true; }
#endif

}  // namespace ambit::spawn::native
