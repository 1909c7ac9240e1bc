// ambit_journal_bench DIRECTORY EVENTS: writes a journal of EVENTS file events of six fields, with
// a path of 60 bytes, and verifies it; then opens and seals small ones. Prints the members of a
// JSON object, for bench/run. The writer's time is that of the process, so that a busy machine does
// not count.
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "journal/verify.h"
#include "journal/writer.h"

namespace {

using namespace ambit;  // NOLINT(google-build-using-namespace): a program of its own

double CpuSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "ambit_journal_bench: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
T Must(Result<T> result) {
  if (!result) Die(result.error().what);
  return *std::move(result);
}

double EventsPerSecond(int dir, const journal::SigningKey& key, int events) {
  const event::Event event{
      event::kFileWrite,
      {{"pid", std::int64_t{4711}},
       {"path", std::string("/home/ada/project/src/journal/") + std::string(30, 'x')},
       {"program", std::string("/usr/bin/node")},
       {"bytes", std::int64_t{65536}},
       {"created", false},
       {"errno", std::int64_t{0}}}};
  const auto writer = Must(journal::Writer::Create(dir, "journal", "r-1bench00", key));
  const double begin = CpuSeconds();
  for (int i = 0; i < events; ++i) writer->Emit(event);
  writer->Emit({event::kJournalClose, {}});
  const double took = CpuSeconds() - begin;
  if (!writer->status()) Die(writer->status().error().what);
  return events / took;
}

double VerifiedPerSecond(int dir, const journal::SigningKey& key) {
  const Fd file(::openat(dir, "journal", O_RDONLY | O_CLOEXEC));
  struct stat info{};
  ::fstat(file.get(), &info);
  const double begin = CpuSeconds();
  journal::Reader reader(journal::FromFile(file.get()));
  const auto verdict =
      Must(journal::Verify(reader, {.run = "r-1bench00", .key = key.public_key(), .ended = false}));
  const double took = CpuSeconds() - begin;
  if (verdict.standing != journal::Standing::kIntact) Die("not intact: " + verdict.what);
  return static_cast<double>(info.st_size) / took;
}

/// What a run pays: the key read, a head and a close signed. The median.
double OpenAndSeal(int dir, const std::string& directory) {
  std::vector<double> all;
  for (int i = 0; i < 200; ++i) {
    const double begin = CpuSeconds();
    const auto key = Must(journal::SigningKey::LoadOrMake(directory));
    const auto writer = Must(journal::Writer::Create(dir, "small", "r-1bench00", key));
    writer->Emit({event::kJournalClose, {}});
    all.push_back(CpuSeconds() - begin);
    ::unlinkat(dir, "small", 0);
  }
  std::ranges::sort(all);
  return all[all.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) Die("usage: ambit_journal_bench DIRECTORY EVENTS");
  const Fd dir(::open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto key = Must(journal::SigningKey::LoadOrMake(argv[1]));
  const double events = EventsPerSecond(dir.get(), key, std::atoi(argv[2]));
  const double bytes = VerifiedPerSecond(dir.get(), key);
  std::printf(
      "  \"events_per_second\": %.0f,\n  \"verify_mb_per_second\": %.0f,\n"
      "  \"open_and_seal_us\": %.0f\n",
      events, bytes / 1e6, OpenAndSeal(dir.get(), argv[1]) * 1e6);
  return 0;
}
