#include "cli/run_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "base/text.h"
#include "cli/runs.h"
#include "event/event.h"

namespace ambit::cli {
namespace {

using journal::Standing;

constexpr std::size_t kPiece = 64U << 10;
/// The end of a supervisor makes no event of the file.
constexpr int kLookForTheEndMs = 500;

/// Wakes when the file is written, or after a while.
class Waiter {
 public:
  explicit Waiter(int file) : events_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    const std::string path = fmt::format("/proc/self/fd/{}", file);
    if (events_) ::inotify_add_watch(events_.get(), path.c_str(), IN_MODIFY);
  }
  void Wait() {
    pollfd wait{.fd = events_.get(), .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, kLookForTheEndMs);
    char events[4096];
    while (::read(events_.get(), events, sizeof events) > 0) {
    }
  }

 private:
  Fd events_;
};

/// What the person must know of it before they read; empty: nothing.
std::string WordsFor(const journal::Verdict& verdict) {
  if (verdict.standing == Standing::kTampered) {
    return fmt::format(
        "this journal is not as it was written: {} (line {}); what follows may be "
        "made up",
        WithoutControls(verdict.what), verdict.bad.line);
  }
  return {};
}

}  // namespace

Result<Fd> OpenJournal(const workspace::RunDir& run) {
  const std::string path = fmt::format("{}/{}", run.path, workspace::kJournalFile);
  Fd file(::openat(run.fd.get(), workspace::kJournalFile,
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) {
    return Fail(Errc::kNotFound, fmt::format("run {} has no journal", run.id),
                "ambit was killed before it began one, or somebody has removed it");
  }
  if (!file) return FailErrno(errno, fmt::format("open the journal '{}'", path));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", path));
  if (S_ISREG(info.st_mode)) return file;
  return Fail(Errc::kInvalidArgument, fmt::format("the journal '{}' is not a plain file", path));
}

Result<JournalOfRun> JournalOfRun::Open(const std::string& name, const std::string& directory) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(workspace::RunMeta meta, FindRun(store, person, name, directory, Newest::kOfAll));
  AMBIT_TRY(workspace::RunDir run, store.OpenRun(meta.id));
  AMBIT_TRY(Fd file, OpenJournal(run));
  return JournalOfRun{.meta = std::move(meta), .run = std::move(run), .file = std::move(file)};
}

Result<journal::Verdict> VerdictOf(const workspace::RunDir& run, const workspace::RunMeta& meta,
                                   int file) {
  journal::Expected expected{.run = run.id, .key = {}, .ended = meta.sealed};
  // Without a public key of the person every journal of theirs is a foreign one.
  const auto key = journal::ReadPublicKey(journal::KeyDirectoryOf(run.path));
  if (!key && key.error().code != Errc::kNotFound) return std::unexpected(key.error());
  expected.key = key ? *key : journal::PublicKey{};
  journal::Reader reader(journal::FromFile(file));
  return journal::Verify(reader, expected);
}

Status WarnWhenBroken(const JournalOfRun& opened) {
  AMBIT_TRY(const journal::Verdict verdict, VerdictOf(opened.run, opened.meta, opened.file.get()));
  const std::string words = WordsFor(verdict);
  if (!words.empty()) {
    fmt::print(stderr, "ambit: {}; 'ambit audit verify {}' has more\n", words, opened.run.id);
  }
  if (::lseek(opened.file.get(), 0, SEEK_SET) != 0) return FailErrno(errno, "rewind the journal");
  return {};
}

Status ForEachEntry(journal::Source source, const OnEntry& on_entry) {
  journal::Reader reader(std::move(source));
  std::uint64_t unknown = 0;
  for (bool more = true; more;) {
    AMBIT_TRY(const auto line, reader.Next());
    if (!line) break;
    const auto entry = line->too_long ? Fail(Errc::kLimit, "a line is too long")
                                      : journal::ParseEntry(line->text());
    if (!entry) {
      unknown += line->ended ? 1 : 0;
      continue;
    }
    AMBIT_TRY(more, on_entry(*entry, line->text()));
  }
  if (unknown != 0) {
    fmt::print(stderr, "ambit: {} of the journal is no event, and left out\n",
               Count(unknown, "line"));
  }
  return {};
}

journal::Source Following(const JournalOfRun& opened, std::function<Status()> before_waiting) {
  auto waiter = std::make_shared<Waiter>(opened.file.get());
  return [&opened, waiter, before_waiting = std::move(before_waiting),
          read = journal::FromFile(opened.file.get())](
             std::span<char> buffer) mutable -> Result<std::size_t> {
    for (;;) {
      const auto meta = workspace::RunStore::ReadMeta(opened.run);
      const bool over = !meta || meta->outcome.has_value() || !workspace::IsAlive(*meta);
      AMBIT_TRY(const std::size_t got, read(buffer));
      if (got != 0 || over) return got;
      AMBIT_CHECK(before_waiting());
      waiter->Wait();
    }
  };
}

Status Output::Write(std::string_view text) {
  if (left_) return {};
  text_ += text;
  return text_.size() < kPiece ? Status() : Flush();
}

Status Output::Flush() {
  std::string_view rest = text_;
  while (!rest.empty() && !left_) {
    const ssize_t written = ::write(file_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE) {
      left_ = true;
    } else if (written < 0) {
      return FailErrno(errno, "write");
    } else {
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  text_.clear();
  return {};
}

}  // namespace ambit::cli
