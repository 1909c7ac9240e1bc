// ambit with a switch in every wall; see spawn/native/walls.h. For tests only.
#include "cli/cli.h"
#include "spawn/native/walls.h"

int main(int argc, char** argv) {
  ambit::spawn::native::ReadWallSwitchesForTest();
  return ambit::cli::Main(argc, argv);
}
