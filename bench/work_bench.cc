// Questions, with the bar each has (SPECIFICATION.md):
//   diff     how long does `ambit diff` take for 1,000 changes in a project of 100,000 files, and
//            how long `git diff` for the same changes in a tree outside?
//   status   `git status` in a repository of 50,000 files, inside against outside, after the first?
//   build    a C++ build by make, inside against outside, the start of the run included?
//   npm      the same for an install of 20 packages from tarballs and a build with node?
// Each is asked in pairs, one after the other, the order turned each time: what else the machine
// does hits both, and the ratio is that of the pair. Processor time is compared too: it
// suffers less from other people's work. Nothing is removed in between.
// usage: ambit_work_bench AMBIT DIRECTORY PAIRS   (a disk-backed directory of the caller's; JSON
// lines on stdout)
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

#include "process_times.h"
#include "worker.h"

namespace ambit::bench {
namespace {

namespace fs = std::filesystem;

struct Place {
  std::string ambit;
  std::string directory;
  int pairs = 0;

  std::string At(const std::string& name) const { return directory + "/" + name; }
  Command Outside(const std::string& name, std::string cwd, const std::string& script) const {
    return {.name = name, .argv = {"/bin/sh", "-c", script}, .environment = {}, .cwd = cwd};
  }
  Command Inside(const std::string& name, std::string cwd, const std::string& script) const {
    return {.name = name,
            .argv = {ambit, "run", "-q", "--", "/bin/sh", "-c", script},
            .environment = {"XDG_STATE_HOME=" + At("state")},
            .cwd = cwd};
  }
  Command Diff(std::string cwd) const {
    return {.name = "ambit diff",
            .argv = {ambit, "diff"},
            .environment = {"XDG_STATE_HOME=" + At("state")},
            .cwd = cwd};
  }
};

void Write(const std::string& path, const std::string& content) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

/// `count` files of source code's size, 100 in each directory, few different ones, so that git
/// makes a repository of them soon.
void MakeProject(const Place& place, const std::string& project, int count) {
  std::string text;
  for (int line = 0; line < 40; ++line) text += fmt::format("a line of text, number {}\n", line);
  for (int i = 0; i < count; ++i) {
    Write(fmt::format("{}/dir{}/file{}.txt", project, i / 100, i % 100),
          fmt::format("kind {}\n{}", i % 100, text));
  }
  (void)TimeOnce(place.Outside("git", project,
                               "git init -q && git add -A && git -c user.name=bench "
                               "-c user.email=bench@example.org commit -q -m all"));
}

constexpr char kThousandChanges[] = R"(
i=0
while [ $i -lt 70 ]; do
  for j in 0 1 2 3 4 5 6 7 8 9; do echo "edited here" >>dir$((i * 14))/file$((j * 7)).txt; done
  for j in 1 2; do echo "new here" >dir$((i * 14))/new$j.txt; done
  i=$((i + 1))
done
i=0
while [ $i -lt 60 ]; do echo "new there" >dir$((i * 3 + 1))/added.txt; i=$((i + 1)); done
i=0
while [ $i -lt 100 ]; do echo dir$((i * 10 + 5))/file3.txt; i=$((i + 1)); done | xargs rm
)";

struct Pairs {
  Times first;
  Times second;
  Times ratio;  // first to second, of each pair
};

Pairs TimePairs(int count, const std::function<double()>& first,
                const std::function<double()>& second) {
  Pairs pairs;
  for (int i = 0; i < count; ++i) {
    double a = 0;
    double b = 0;
    if (i % 2 == 0) {
      a = first();
      b = second();
    } else {
      b = second();
      a = first();
    }
    pairs.first.milliseconds.push_back(a);
    pairs.second.milliseconds.push_back(b);
    pairs.ratio.milliseconds.push_back(a / b);
  }
  for (Times* times : {&pairs.first, &pairs.second, &pairs.ratio}) {
    std::ranges::sort(times->milliseconds);
  }
  return pairs;
}

void PrintOne(const std::string& name, const Times& times) {
  fmt::print("  \"{}\": {:.2f},\n  \"{}_low\": {:.2f},\n  \"{}_high\": {:.2f},\n", name,
             times.Median(), name, times.Percentile(0.1), name, times.Percentile(0.9));
}

void Print(const std::string& name, const Pairs& pairs) {
  PrintOne(name + "_inside_ms", pairs.first);
  PrintOne(name + "_outside_ms", pairs.second);
  PrintOne(name + "_ratio", pairs.ratio);
  std::fflush(stdout);
}

void Diff(const Place& place) {
  const std::string project = place.At("hundred-thousand");
  const std::string copy = place.At("hundred-thousand-outside");
  MakeProject(place, project, 100'000);
  (void)TimeOnce(place.Outside("cp", place.directory, fmt::format("cp -a {} {}", project, copy)));
  (void)TimeOnce(place.Inside("changes", project, kThousandChanges));
  (void)TimeOnce(place.Outside("changes", copy, kThousandChanges));
  const Command ours = place.Diff(project);
  // New files as well, as ours has them.
  const Command git = place.Outside("git diff", copy, "git add -N . && git diff");
  (void)TimeOnce(ours);
  (void)TimeOnce(git);
  const Pairs pairs =
      TimePairs(place.pairs, [&] { return TimeOnce(ours); }, [&] { return TimeOnce(git); });
  PrintOne("diff_ms", pairs.first);
  const double before = ProcessorTime();
  (void)TimeOnce(ours);
  fmt::print("  \"diff_processor_ms\": {:.2f},\n", ProcessorTime() - before);
  PrintOne("diff_git_ms", pairs.second);
  PrintOne("diff_ratio", pairs.ratio);
}

void Status(const Place& place) {
  const std::string project = place.At("fifty-thousand");
  MakeProject(place, project, 50'000);
  const std::string script =
      "while read -r line; do git status --porcelain >/dev/null || exit 1; times; done";
  Worker inside(place.Inside("git status", project, script));
  Worker outside(place.Outside("git status", project, script));
  fmt::print("  \"status_first_ms\": {:.2f},\n", inside.Ask());
  (void)outside.Ask();
  // git reads a file again whose time is that of the index; a second later none is.
  ::sleep(1);
  (void)inside.Ask();
  (void)outside.Ask();
  const double inside_before = inside.processor_time();
  const double outside_before = outside.processor_time();
  Print("status",
        TimePairs(place.pairs, [&] { return inside.Ask(); }, [&] { return outside.Ask(); }));
  fmt::print(
      "  \"status_processor_ratio\": {:.2f},\n",
      (inside.processor_time() - inside_before) / (outside.processor_time() - outside_before));
}

/// Each pair works in a project of its own, so every build starts from nothing: in the run's fresh
/// layer, and in the project itself.
void Work(const Place& place, const std::string& name, const std::string& script) {
  int number = 0;
  const std::string master = place.At(name);
  const auto fresh = [&] {
    const std::string copy = fmt::format("{}-{}", master, number++);
    (void)TimeOnce(place.Outside("cp", place.directory, fmt::format("cp -a {} {}", master, copy)));
    return copy;
  };
  Times inside_processor;
  Times outside_processor;
  const auto time = [](const Command& command, Times& processor) {
    const double before = ProcessorTime();
    const double milliseconds = TimeOnce(command);
    processor.milliseconds.push_back(ProcessorTime() - before);
    return milliseconds;
  };
  const auto inside = [&] { return time(place.Inside(name, fresh(), script), inside_processor); };
  const auto outside = [&] {
    return time(place.Outside(name, fresh(), script), outside_processor);
  };
  (void)inside();
  (void)outside();
  Print(name, TimePairs(place.pairs, inside, outside));
  // The first of each is the uncounted one; the n-th of both are of one pair.
  Times ratio;
  for (std::size_t i = 1; i < inside_processor.milliseconds.size(); ++i) {
    ratio.milliseconds.push_back(inside_processor.milliseconds[i] /
                                 outside_processor.milliseconds[i]);
  }
  std::ranges::sort(ratio.milliseconds);
  PrintOne(name + "_processor_ratio", ratio);
}

void Build(const Place& place) {
  const std::string project = place.At("build");
  std::string objects;
  for (int i = 0; i < 6; ++i) {
    Write(fmt::format("{}/part{}.cc", project, i),
          fmt::format("#include <algorithm>\n#include <iostream>\n#include <map>\n"
                      "#include <sstream>\n#include <string>\n#include <vector>\n"
                      "std::string Part{0}(const std::vector<std::string>& words) {{\n"
                      "  std::map<std::string, int> counts;\n"
                      "  for (const auto& word : words) ++counts[word];\n"
                      "  std::ostringstream out;\n"
                      "  for (const auto& [word, count] : counts) out << word << count + {0};\n"
                      "  return out.str();\n}}\n",
                      i));
    objects += fmt::format(" part{}.o", i);
  }
  Write(project + "/main.cc", "int main() { return 0; }\n");
  Write(project + "/Makefile",
        fmt::format("program: main.o{0}\n\tg++ -o $@ $^\n%.o: %.cc\n\tg++ -std=c++20 -O1 -c -o $@ "
                    "$<\n",
                    objects));
  Work(place, "build", "make -s -j2");
}

void Npm(const Place& place) {
  const std::string project = place.At("npm");
  std::string dependencies;
  std::string packing;
  for (int i = 0; i < 20; ++i) {
    const std::string package = fmt::format("{}/unpacked{}/package", project, i);
    Write(package + "/package.json",
          fmt::format("{{\"name\": \"part{}\", \"version\": \"1.0.0\"}}\n", i));
    for (int j = 0; j < 100; ++j) {
      std::string text = fmt::format("exports.f{} = (x) => x + {};\n", j, i);
      for (int line = 0; line < 40; ++line) {
        text += fmt::format("exports.g{} = [{}, 'words'];\n", line, line * j);
      }
      Write(fmt::format("{}/lib/file{}.js", package, j), text);
    }
    dependencies += fmt::format("{}\"part{}\": \"file:part{}.tgz\"", i == 0 ? "" : ", ", i, i);
    packing += fmt::format("tar -czf part{0}.tgz -C unpacked{0} package && ", i);
  }
  Write(project + "/package.json", fmt::format("{{\"name\": \"whole\", \"version\": \"1.0.0\", "
                                               "\"scripts\": {{\"build\": \"node build.cjs\"}}, "
                                               "\"dependencies\": {{{}}}}}\n",
                                               dependencies));
  Write(project + "/build.cjs",
        R"(const fs = require('node:fs');
const vm = require('node:vm');
let whole = '';
for (const part of fs.readdirSync('node_modules').filter((name) => name.startsWith('part'))) {
  for (const file of fs.readdirSync(`node_modules/${part}/lib`)) {
    const text = fs.readFileSync(`node_modules/${part}/lib/${file}`, 'utf8');
    new vm.Script(text);
    whole += text;
  }
}
fs.mkdirSync('dist');
fs.writeFileSync('dist/whole.js', whole);
)");
  (void)TimeOnce(place.Outside("tar", project, packing + "rm -r unpacked*"));
  // The cache in the project: a home inside is in memory, the one outside is not.
  Work(place, "npm",
       "npm install --offline --no-audit --no-fund --cache=.npm-cache && "
       "npm run build --cache=.npm-cache");
}

std::string Load() {
  std::ifstream file("/proc/loadavg");
  std::string minute;
  file >> minute;
  return minute;
}

}  // namespace
}  // namespace ambit::bench

int main(int argc, char** argv) {
  using namespace ambit::bench;
  if (argc != 4) {
    fmt::print(stderr, "usage: {} AMBIT DIRECTORY PAIRS\n", argv[0]);
    return 2;
  }
  const Place place{.ambit = argv[1], .directory = argv[2], .pairs = std::atoi(argv[3])};
  ::umask(022);
  fs::create_directories(place.At("state"));
  fmt::print("  \"pairs\": {},\n  \"load_before\": {},\n", place.pairs, Load());
  Diff(place);
  Status(place);
  Build(place);
  Npm(place);
  fmt::print("  \"load_after\": {}\n", Load());
  return 0;
}
