// Building, testing and debugging compiled programs inside a run.
#include "everyday.h"

namespace ambit::testing {
namespace {

class Toolchain : public Everyday {};
INSTANTIATE_TEST_SUITE_P(As, Toolchain, ::testing::ValuesIn(Everyone()), NameOfParam);

/// A library, a program and a test of it.
void WriteCmakeProject(Scratch& person) {
  person.Write("project/CMakeLists.txt", R"(cmake_minimum_required(VERSION 3.20)
project(greeting LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(Threads REQUIRED)
add_library(greeting src/greeting.cc)
target_link_libraries(greeting PUBLIC Threads::Threads)
add_executable(greet src/main.cc)
target_link_libraries(greet PRIVATE greeting)
enable_testing()
add_test(NAME greets_by_name COMMAND greet ambit)
set_tests_properties(greets_by_name PROPERTIES PASS_REGULAR_EXPRESSION "hello, ambit")
add_test(NAME refuses_nobody COMMAND greet)
set_tests_properties(refuses_nobody PROPERTIES WILL_FAIL TRUE)
)");
  person.Write("project/src/greeting.h",
               "#pragma once\n#include <string>\n"
               "std::string Greeting(const std::string& name);\n");
  person.Write("project/src/greeting.cc", R"(#include "greeting.h"
#include <future>
std::string Greeting(const std::string& name) {
  return std::async(std::launch::async, [&] { return "hello, " + name; }).get();
}
)");
  person.Write("project/src/main.cc", R"(#include <iostream>
#include "greeting.h"
int main(int argc, char** argv) {
  if (argc < 2) return 3;
  std::cout << Greeting(argv[1]) << '\n';
}
)");
}

TEST_P(Toolchain, ACmakeProjectBuildsAndPassesItsTestsAsOutside) {
  WriteCmakeProject(person_);
  // ctest prints how long each test took; nothing else may differ.
  const std::string out = ExpectSameInsideAndOutside(
      "cmake -S . -B out -DCMAKE_BUILD_TYPE=Release >configure.log 2>&1 || "
      "{ cat configure.log; exit 1; }; "
      "cmake --build out -j2 >build.log 2>&1 || { cat build.log; exit 1; }; "
      "./out/greet world && ctest --test-dir out | sed -E 's/ +[0-9.]+ sec//'");
  EXPECT_NE(out.find("hello, world\n"), std::string::npos) << out;
  EXPECT_NE(out.find("100% tests passed, 0 tests failed out of 2"), std::string::npos) << out;
}

TEST_P(Toolchain, AParallelMakeSharesItsJobServer) {
  std::string rules;
  std::string objects;
  for (int i = 0; i < 12; ++i) {
    const std::string name = "part" + std::to_string(i);
    person_.Write("project/" + name + ".c", "int " + name + "(void) { return 1; }\n");
    objects += " " + name + ".o";
  }
  // The jobserver crosses two levels of make; -Otarget locks a temporary file.
  person_.Write("project/Makefile",
                "all:\n\t+@$(MAKE) --no-print-directory parts\nparts: libparts.a\n"
                "libparts.a:" +
                    objects +
                    "\n\t@ar rcsD $@ $^\n"
                    "%.o: %.c\n\t@$(CC) -c -o $@ $<\n");
  const std::string out = ExpectSameInsideAndOutside("make -j8 -Otarget 2>&1 && ar t libparts.a");
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 12) << out;
}

TEST_P(Toolchain, ADebuggerAndATracerWorkOnOwnChildren) {
  person_.Write("project/crash.c", R"(#include <stddef.h>
int Divide(int a, int b) { return a / b; }
int main(int argc, char** argv) { (void)argv; return Divide(7, argc - 1); }
)");
  const Finished built = person_.Execute({"cc", "-g", "-O0", "-no-pie", "-o", "crash", "crash.c"});
  ASSERT_EQ(built.exit_code, 0) << built.err;

  const std::string traced = ExpectSameInsideAndOutside(
      "strace -f -e trace=execve -o trace.txt sh -c 'true; /bin/true' && "
      "grep -c 'execve(\"/bin/true\"' trace.txt");
  EXPECT_EQ(traced, "1\n");
  const std::string debugged = ExpectSameInsideAndOutside(
      "gdb -q -nx -batch -ex 'break Divide' -ex run -ex 'print a' -ex continue -ex backtrace "
      "./crash 2>/dev/null | grep -E '^\\$1|SIGFPE|^#[01]' | sed 's/0x[0-9a-f]*/ADDRESS/g'");
  EXPECT_NE(debugged.find("$1 = 7"), std::string::npos) << debugged;
  EXPECT_NE(debugged.find("SIGFPE"), std::string::npos) << debugged;
}

}  // namespace
}  // namespace ambit::testing
