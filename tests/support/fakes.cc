#include "support/fakes.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace ambit::testing {

std::string Fake(const std::string& name) {
  const std::ifstream file(AMBIT_SOURCE_DIR "/tests/fakes/" + name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << "no tests/fakes/" << name;
  return text.str();
}

void CopyFakes(Scratch& person, const std::string& folder, const std::string& place,
               std::initializer_list<const char*> names) {
  for (const char* name : names) person.Write(place + "/" + name, Fake(folder + "/" + name));
}

}  // namespace ambit::testing
