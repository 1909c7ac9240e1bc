#pragma once
// Whether a journal is as it was written. One pass over its bytes. Who calls: `ambit audit`, and
// whatever shows a journal and must not show what was made up. Errors: those of the reader; what is
// wrong with the bytes is a verdict, never an error.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "journal/chain.h"
#include "journal/key.h"
#include "journal/reader.h"

namespace ambit::journal {

enum class Standing : std::uint8_t {
  kIntact,     // every record as written, and the last one seals them
  kUnsealed,   // every record as written, but the end is missing: running, killed, or a full disk
  kTampered,   // see Fault
  kUnchained,  // made before journals were chained: nothing can be said
};

enum class Fault : std::uint8_t {
  kNone,
  kNoHead,        // it does not begin with a journal.head
  kForeignKey,    // signed by another key than the one expected
  kBadSignature,  // a head or a close that its key did not sign
  kOtherRun,      // a record of another run
  kEdited,        // a record's bytes are not those its hash was made of
  kMissing,       // records before this one are gone
  kOutOfOrder,    // a record stands where another one should
  kNoRecord,      // a line that is no record
  kCutOff,        // it ends before the record that sealed it
};

/// `edited`, `foreign key`: one or two words for programs and people.
std::string_view NameOf(Standing standing);
std::string_view NameOf(Fault fault);

struct Place {
  std::uint64_t line = 0;  // from 1; 0: nowhere
  std::uint64_t offset = 0;
  std::uint64_t sequence = 0;  // of a good record
  std::int64_t time_ns = 0;    // of a good record
};

struct Verdict {
  Standing standing = Standing::kUnsealed;
  Fault fault = Fault::kNone;
  std::string what;  // the fault as a clause: "record 7 was edited"
  Place bad;         // the first line that is not as written
  Place last_good;
  std::uint64_t seals = 0;
  std::uint64_t resumed = 0;     // times a writer went on with a journal that had no end
  std::uint64_t torn_bytes = 0;  // at the end, of a record that was cut off
  std::optional<PublicKey> key;  // as its head names it
};

struct Expected {
  std::string run;               // empty: whichever the head names
  std::optional<PublicKey> key;  // nothing: whichever the head names, which proves little
  bool ended = false;            // the run's own end, run.ended and its seal, was written
};

struct Record {
  LineHead head;
  std::uint64_t offset = 0;
  std::string_view line;  // without its line end; all views hold until the callback returns
};

/// `on_record` gets each record that is as written, in order, up to the first fault.
Result<Verdict> Verify(Reader& reader, const Expected& expected,
                       const std::function<void(const Record&)>& on_record = {});

}  // namespace ambit::journal
