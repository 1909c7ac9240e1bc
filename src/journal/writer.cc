#include "journal/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <array>

#include "base/hex.h"
#include "journal/chain.h"
#include "journal/signed_record.h"
#include "journal/tail.h"

namespace ambit::journal {
namespace {

constexpr std::size_t kMostGathered = 64U << 10;

std::int64_t NowNanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

template <std::size_t kBytes>
std::string HexOf(const std::array<std::uint8_t, kBytes>& bytes) {
  std::string text;
  AppendHex(bytes, text);
  return text;
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::Create(int dir, const char* name, std::string run_id,
                                               const SigningKey& key) {
  Fd file(
      ::openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return FailErrno(errno, fmt::format("create '{}'", name));
  std::unique_ptr<Writer> writer(new Writer(std::move(file), std::move(run_id), key));
  writer->WriteHead();
  AMBIT_CHECK(writer->status());
  return writer;
}

Result<std::unique_ptr<Writer>> Writer::Continue(int dir, const char* name, std::string run_id,
                                                 const SigningKey& key) {
  Fd file(::openat(dir, name, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return FailErrno(errno, fmt::format("open '{}'", name));
  AMBIT_TRY(Tail tail, ReadTail(file.get()));
  std::unique_ptr<Writer> writer(new Writer(std::move(file), std::move(run_id), key));
  writer->sequence_ = tail.sequence;
  writer->chained_ = tail.hash.has_value();
  writer->hash_ = tail.hash.value_or(Sha256Digest{});
  writer->sealed_ = tail.sealed;
  writer->resumes_ = !tail.sealed || tail.lacks_line_end || !tail.torn.empty();
  writer->lacks_line_end_ = tail.lacks_line_end;
  writer->torn_ = std::move(tail.torn);
  return writer;
}

void Writer::WriteHead() {
  std::array<std::uint8_t, 16> nonce{};
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    status_ = FailErrno(errno, "getrandom");
    return;
  }
  Append({event::kJournalHead,
          {{"format", std::string(kChainFormat)},
           {"nonce", HexOf(nonce)},
           {"key", HexOf(key_.public_key())}}},
         /*is_signed=*/true);
  Commit();
}

/// Before the first event of a writer that found a journal without its end.
void Writer::Resume() {
  resumes_ = false;
  const bool torn_line = !torn_.empty() && !torn_.ends_with('\n');
  if (torn_line) torn_ += '\n';
  if (torn_line || lacks_line_end_) gathered_ = "\n";
  if (chained_) {
    Append({event::kJournalResumed,
            {{"torn_bytes", static_cast<std::int64_t>(torn_.size())},
             {"torn_sha256", Sha256Hex(torn_)}}},
           /*is_signed=*/false);
  }
  torn_.clear();
}

void Writer::Emit(const event::Event& event) {
  if (!status_) return;
  const bool closes = event.name == event::kJournalClose;
  if (closes && (sealed_ || !chained_)) return;
  if (resumes_) Resume();
  if (closes) {
    Append({event::kJournalClose, {{"records", static_cast<std::int64_t>(sequence_)}}},
           /*is_signed=*/true);
  } else {
    Append(event, /*is_signed=*/false);
  }
  sealed_ = closes;
  if (!event::IsGathered(event.name) || gathered_.size() >= kMostGathered) Commit();
}

void Writer::Append(const event::Event& event, bool is_signed) {
  const std::size_t begin = gathered_.size();
  AppendEvent(event, ++sequence_, NowNanoseconds(), run_id_, gathered_);
  if (!chained_) {
    gathered_ += "}\n";
    return;
  }
  if (is_signed) AppendSignature(key_, event.name, hash_, gathered_, begin);
  hash_ = HashOf(hash_, std::string_view(gathered_).substr(begin));
  AppendHash(hash_, gathered_);
  gathered_ += '\n';
}

void Writer::Commit() {
  if (gathered_.empty() || !status_) return;
  const ssize_t written = ::write(file_.get(), gathered_.data(), gathered_.size());
  if (written != static_cast<ssize_t>(gathered_.size())) {
    status_ = FailErrno(written < 0 ? errno : ENOSPC, "write to the journal");
  }
  gathered_.clear();
}

}  // namespace ambit::journal
