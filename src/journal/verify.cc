#include "journal/verify.h"

#include <fmt/format.h>

#include <utility>

#include "base/hex.h"
#include "base/text.h"
#include "event/event.h"
#include "journal/signed_record.h"

namespace ambit::journal {
namespace {

constexpr std::size_t kShownOfRun = 40;

/// What is wrong with one line.
struct Wrong {
  Fault fault = Fault::kNone;
  std::string what;
};

/// The lines since the last good record: either a crash left them, and a journal.resumed that
/// follows names them, or somebody tampered.
struct Strange {
  Place place;
  Wrong wrong;
  std::uint64_t bytes = 0;
  bool only_torn = true;  // nothing but a last line without its end
  Sha256 hash;
};

class Verification {
 public:
  Verification(const Expected& expected, const std::function<void(const Record&)>& on_record)
      : expected_(expected), on_record_(on_record) {}

  /// False: it is tampered with, and no line that follows can change that.
  bool Take(const Line& line);
  Verdict Finish() &&;

 private:
  Wrong Check(const Line& line, const LineHead* head, const ChainedLine* record);
  Wrong CheckHead(const LineHead& head, const ChainedLine& record);
  Wrong CheckSequence(const LineHead& head) const;
  bool Rescues(const ChainedLine& record) const;
  void Keep(const Line& line, const LineHead& head);
  void Doubt(const Line& line, const LineHead* head, Wrong wrong);
  void Condemn(const Place& place, Wrong wrong);
  [[nodiscard]] Place PlaceOf(const Line& line) const {
    const std::uint64_t begun = line.too_long && !line.ended ? 1 : 0;  // counted at its end
    return {.line = lines_ + begun, .offset = line.offset, .sequence = 0, .time_ns = 0};
  }

  const Expected& expected_;
  const std::function<void(const Record&)>& on_record_;
  Verdict verdict_;
  std::uint64_t lines_ = 0;
  std::uint64_t sequence_ = 0;
  Sha256Digest previous_{};
  Sha256Digest hash_{};  // of the line that is looked at
  std::string run_;
  std::optional<Strange> strange_;
  bool sealed_ = false;
  bool after_run_ended_ = false;
  bool end_found_ = false;
  bool begins_as_before_chains_ = false;
  bool any_chained_ = false;
};

Wrong Verification::CheckHead(const LineHead& head, const ChainedLine& record) {
  if (head.event != event::kJournalHead) {
    return {Fault::kNoHead, "it does not begin with its head"};
  }
  PublicKey key{};
  if (PlainMember(record.body, "format") != kChainFormat ||
      !FromHex(PlainMember(record.body, "key"), key)) {
    return {Fault::kNoHead, "its head is of no format this ambit knows"};
  }
  if (!expected_.run.empty() && head.run != expected_.run) {
    return {Fault::kOtherRun, fmt::format("it is the journal of another run, '{}'",
                                          Printable(head.run.substr(0, kShownOfRun)))};
  }
  if (!HasSignature(key, event::kJournalHead, Sha256Digest{}, record.body)) {
    return {Fault::kBadSignature, "its head is not signed by the key it names"};
  }
  if (expected_.key && key != *expected_.key) {
    return {Fault::kForeignKey, "it is signed by another key"};
  }
  verdict_.key = key;
  run_ = head.run;
  return {};
}

Wrong Verification::CheckSequence(const LineHead& head) const {
  const std::uint64_t expected = sequence_ + 1;
  if (head.sequence == expected) return {};
  if (head.sequence < expected) {
    return {Fault::kOutOfOrder,
            fmt::format("record {} stands again where record {} should", head.sequence, expected)};
  }
  return {Fault::kMissing,
          head.sequence == expected + 1
              ? fmt::format("record {} is missing", expected)
              : fmt::format("records {} to {} are missing", expected, head.sequence - 1)};
}

Wrong Verification::Check(const Line& line, const LineHead* head, const ChainedLine* record) {
  if (!line.ended || line.too_long || head == nullptr || record == nullptr) {
    const bool first = sequence_ == 0;
    return {first ? Fault::kNoHead : Fault::kNoRecord,
            first ? "it does not begin with its head"
                  : fmt::format("where record {} should be is no record", sequence_ + 1)};
  }
  Sha256Digest written{};
  hash_ = HashOf(previous_, record->body);
  const bool whole = FromHex(record->hash, written) && written == hash_;
  if (sequence_ == 0) {
    if (Wrong wrong = CheckHead(*head, *record); wrong.fault != Fault::kNone) {
      // Whoever only damaged it is not somebody else.
      if (!whole && head->event == event::kJournalHead && wrong.fault != Fault::kOtherRun) {
        return {Fault::kEdited, "its head was edited"};
      }
      return wrong;
    }
  } else if (head->run != run_) {
    return {Fault::kOtherRun,
            fmt::format("where record {} should be is one of run '{}'", sequence_ + 1,
                        Printable(head->run.substr(0, kShownOfRun)))};
  }
  if (Wrong wrong = CheckSequence(*head); wrong.fault != Fault::kNone) return wrong;
  if (!whole) return {Fault::kEdited, fmt::format("record {} was edited", head->sequence)};
  if (head->event == event::kJournalHead && sequence_ != 0) {
    return {Fault::kEdited, fmt::format("record {} is a second head", head->sequence)};
  }
  if (head->event == event::kJournalClose &&
      !HasSignature(*verdict_.key, event::kJournalClose, previous_, record->body)) {
    return {Fault::kBadSignature, fmt::format("the seal in record {} is not signed by the "
                                              "journal's key: what it seals was made anew",
                                              head->sequence)};
  }
  return {};
}

/// Whether this record, which is as written, names what stands between it and the last good one.
bool Verification::Rescues(const ChainedLine& record) const {
  Sha256 nothing;
  Sha256 torn = strange_ ? strange_->hash : nothing;
  std::string digits;
  AppendHex(torn.Digest(), digits);
  const std::uint64_t bytes = strange_ ? strange_->bytes : 0;
  return record.body.find(fmt::format(R"(,"torn_bytes":{},)", bytes)) != std::string_view::npos &&
         PlainMember(record.body, "torn_sha256") == digits;
}

bool Verification::Take(const Line& line) {
  if (!line.too_long || line.ended) ++lines_;
  const auto head = ParseLineHead(line.text());
  const auto record = ParseChained(line.text());
  any_chained_ |= record.has_value();
  if (lines_ == 1 && head && !record && head->event != event::kJournalHead) {
    begins_as_before_chains_ = head->sequence == 1;
  }
  const bool resumes = head && head->event == event::kJournalResumed;
  if (strange_ && !(resumes && head->sequence == sequence_ + 1 && sequence_ != 0)) {
    Doubt(line, head ? &*head : nullptr, {});
    return true;
  }
  Wrong wrong = Check(line, head ? &*head : nullptr, record ? &*record : nullptr);
  if (wrong.fault == Fault::kNone && resumes && !Rescues(*record)) {
    wrong = {Fault::kEdited,
             fmt::format("what stands before record {} is not what was cut off", head->sequence)};
  }
  if (wrong.fault == Fault::kForeignKey || wrong.fault == Fault::kBadSignature) {
    Condemn(PlaceOf(line), std::move(wrong));
    return false;
  }
  if (wrong.fault != Fault::kNone) {
    Doubt(line, head ? &*head : nullptr, std::move(wrong));
    return true;
  }
  verdict_.resumed += resumes ? 1 : 0;
  strange_.reset();
  Keep(line, *head);
  return true;
}

void Verification::Keep(const Line& line, const LineHead& head) {
  previous_ = hash_;
  sequence_ = head.sequence;
  sealed_ = head.event == event::kJournalClose;
  if (sealed_) ++verdict_.seals;
  end_found_ |= sealed_ && after_run_ended_;
  after_run_ended_ = head.event == event::kRunEnded;
  verdict_.last_good = PlaceOf(line);
  verdict_.last_good.sequence = sequence_;
  verdict_.last_good.time_ns = head.time_ns;
  if (on_record_) on_record_({.head = head, .offset = line.offset, .line = line.text()});
}

void Verification::Doubt(const Line& line, const LineHead* head, Wrong wrong) {
  if (!strange_) {
    strange_ = Strange{.place = PlaceOf(line),
                       .wrong = std::move(wrong),
                       .bytes = 0,
                       .only_torn = true,
                       .hash = {}};
  } else if (strange_->wrong.fault == Fault::kMissing && head != nullptr &&
             head->sequence == sequence_ + 1) {
    strange_->wrong = {Fault::kOutOfOrder,
                       fmt::format("record {} stands behind a later one", sequence_ + 1)};
  }
  strange_->bytes += line.bytes.size();
  strange_->only_torn &= !line.ended && !line.too_long;
  strange_->hash.Update(line.bytes);
}

void Verification::Condemn(const Place& place, Wrong wrong) {
  verdict_.standing = Standing::kTampered;
  verdict_.fault = wrong.fault;
  verdict_.what = std::move(wrong.what);
  verdict_.bad = place;
}

Verdict Verification::Finish() && {
  if (verdict_.standing == Standing::kTampered) return std::move(verdict_);
  if (begins_as_before_chains_ && !any_chained_ && !expected_.ended) {
    verdict_.standing = Standing::kUnchained;
    return std::move(verdict_);
  }
  if (strange_ && !strange_->only_torn) {
    Condemn(strange_->place, std::move(strange_->wrong));
    return std::move(verdict_);
  }
  if (expected_.ended && !end_found_) {
    Place end = strange_ ? strange_->place : verdict_.last_good;
    if (!strange_) ++end.line;
    end.sequence = 0;
    end.time_ns = 0;
    Condemn(end, {Fault::kCutOff, "the run's end was written and is gone"});
    return std::move(verdict_);
  }
  if (strange_) verdict_.torn_bytes = strange_->bytes;
  verdict_.standing = sealed_ && !strange_ ? Standing::kIntact : Standing::kUnsealed;
  return std::move(verdict_);
}

}  // namespace

std::string_view NameOf(Standing standing) {
  switch (standing) {
    case Standing::kIntact:
      return "intact";
    case Standing::kUnsealed:
      return "unsealed";
    case Standing::kTampered:
      return "tampered";
    case Standing::kUnchained:
      return "unchained";
  }
  return "unknown";
}

std::string_view NameOf(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "";
    case Fault::kNoHead:
      return "no head";
    case Fault::kForeignKey:
      return "foreign key";
    case Fault::kBadSignature:
      return "bad signature";
    case Fault::kOtherRun:
      return "other run";
    case Fault::kEdited:
      return "edited";
    case Fault::kMissing:
      return "missing";
    case Fault::kOutOfOrder:
      return "out of order";
    case Fault::kNoRecord:
      return "no record";
    case Fault::kCutOff:
      return "cut off";
  }
  return "unknown";
}

Result<Verdict> Verify(Reader& reader, const Expected& expected,
                       const std::function<void(const Record&)>& on_record) {
  Verification verification(expected, on_record);
  for (;;) {
    AMBIT_TRY(const std::optional<Line> line, reader.Next());
    if (!line || !verification.Take(*line)) return std::move(verification).Finish();
  }
}

}  // namespace ambit::journal
