// Writes ambit's man pages while ambit is built, from the same tables as the program itself.
// Usage: manpages DIRECTORY DATE. Everything wrong is one line on stderr and exit code 1.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "cli/man_pages.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: manpages DIRECTORY DATE\n", stderr);
    return 1;
  }
  for (const ambit::cli::ManPage& page : ambit::cli::ManPages(ambit::cli::AmbitTree(), argv[2])) {
    const std::string path = fmt::format("{}/{}", argv[1], page.file);
    std::ofstream file(path, std::ios::trunc);
    file << page.text;
    file.close();
    if (!file) {
      fmt::print(stderr, "manpages: cannot write '{}'\n", path);
      return 1;
    }
  }
  return 0;
}
