#pragma once
// What init saw of the calls inside, on its way to the supervisor: a stream of small records.
//
// Init is ambit's own, but it lives inside: the reader takes nothing that an honest init could not
// have sent, and bounds what it holds. Texts are raw bytes of whoever asked. Who calls: spawn
// encodes, supervise reads. Pure.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::event {

enum class InsideKind : std::uint8_t {
  kExec = 1,
  kExit,
  kOpen,  // to read
  kCreate,
  kWrite,
  kDelete,
  kRename,
  kMode,
  kDenied,   // a call that the kernel refuses: `path` lies in `other`, which is read-only
  kDropped,  // `number` records of the kind in `detail` did not get here
};
inline constexpr InsideKind kLastInsideKind = InsideKind::kDropped;
inline constexpr std::size_t kInsideKinds = static_cast<std::size_t>(kLastInsideKind) + 1;

/// `detail` of kCreate, and kOwner of kMode.
enum class InsideDetail : std::uint8_t {
  kNone,
  kDirectory,
  kNode,  // a named pipe, a socket, or a plain file by mknod
  kSymlink,
  kHardLink,
  kUnnamed,  // O_TMPFILE in the directory `path`
  kOwner,    // of kMode: the owner, not the mode
};
inline constexpr InsideDetail kLastInsideDetail = InsideDetail::kOwner;

struct InsideRecord {
  InsideKind kind = InsideKind::kExec;
  std::uint8_t detail = 0;  // an InsideDetail; of kDropped an InsideKind
  bool cut = false;         // argv was longer
  bool unreadable = false;  // the memory that names it could not be read
  std::int32_t pid = 0;
  std::int32_t parent = 0;        // of kExec; 0: not known
  std::int64_t number = -1;       // kExit: wait status; kMode: the mode; -1: not known
  std::string path;               // absolute as far as it could be found out
  std::string other;              // kExec: working directory; kRename: new name; links: target
  std::vector<std::string> argv;  // of kExec
  bool operator==(const InsideRecord&) const = default;
};

inline constexpr std::size_t kMaxInsidePath = 8192;  // a name of PATH_MAX below another
inline constexpr std::size_t kMaxInsideArguments = 64;
inline constexpr std::size_t kMaxInsideArgumentBytes = 4096;  // together

/// Appends `record`, whose texts keep to the bounds above.
void AppendInsideRecord(const InsideRecord& record, std::string& out);

/// Gives back, one by one, what was appended on the other side of a stream.
class InsideRecordReader {
 public:
  void Take(std::string_view bytes);
  /// The next whole record; nothing when more bytes are needed. kInvalidArgument when no honest
  /// init sends this: there is no way on from it.
  Result<std::optional<InsideRecord>> Next();

 private:
  std::string held_;
  std::size_t read_ = 0;
};

}  // namespace ambit::event
