#include "cli/cli.h"

int main(int argc, char** argv) { return ambit::cli::Main(argc, argv); }
