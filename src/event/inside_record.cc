#include "event/inside_record.h"

#include <algorithm>
#include <concepts>
#include <cstring>

namespace ambit::event {
namespace {

constexpr std::uint8_t kCut = 1;
constexpr std::uint8_t kUnreadable = 2;

/// What a frame can be at most: two texts, the arguments and all that is between them.
constexpr std::size_t kMaxFrame =
    2 * kMaxInsidePath + kMaxInsideArgumentBytes + kMaxInsideArguments * 2 + 64;

template <std::integral T>
void Put(T value, std::string& out) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);  // both sides are one machine
  out.append(bytes, sizeof value);
}

void PutText(std::string_view text, std::string& out) {
  Put(static_cast<std::uint16_t>(text.size()), out);
  out += text;
}

/// Takes a frame apart; after the first thing that is not there it gives nothing more.
class Frame {
 public:
  explicit Frame(std::string_view bytes) : rest_(bytes) {}

  template <std::integral T>
  T Get() {
    T value{};
    if (rest_.size() < sizeof value) {
      whole_ = false;
      return value;
    }
    rest_.copy(reinterpret_cast<char*>(&value), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string GetText(std::size_t most) {
    const auto size = Get<std::uint16_t>();
    if (size > most || size > rest_.size()) {
      whole_ = false;
      return {};
    }
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  [[nodiscard]] bool AllRead() const { return whole_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool whole_ = true;
};

bool IsHonest(const InsideRecord& record, std::uint8_t flags) {
  if (record.kind < InsideKind::kExec || record.kind > kLastInsideKind) return false;
  if (flags > (kCut | kUnreadable)) return false;
  const auto last = record.kind == InsideKind::kDropped
                        ? static_cast<std::uint8_t>(kLastInsideKind)
                        : static_cast<std::uint8_t>(kLastInsideDetail);
  return record.detail <= last && record.pid >= 0 && record.parent >= 0 && record.number >= -1;
}

std::optional<InsideRecord> Decode(std::string_view bytes) {
  Frame frame(bytes);
  InsideRecord record;
  record.kind = static_cast<InsideKind>(frame.Get<std::uint8_t>());
  record.detail = frame.Get<std::uint8_t>();
  const auto flags = frame.Get<std::uint8_t>();
  record.cut = (flags & kCut) != 0;
  record.unreadable = (flags & kUnreadable) != 0;
  record.pid = frame.Get<std::int32_t>();
  record.parent = frame.Get<std::int32_t>();
  record.number = frame.Get<std::int64_t>();
  record.path = frame.GetText(kMaxInsidePath);
  record.other = frame.GetText(kMaxInsidePath);
  const auto arguments = frame.Get<std::uint8_t>();
  if (arguments > kMaxInsideArguments) return std::nullopt;
  std::size_t left = kMaxInsideArgumentBytes;
  for (std::uint8_t i = 0; i < arguments; ++i) {
    record.argv.push_back(frame.GetText(left));
    left -= record.argv.back().size();
  }
  if (!frame.AllRead() || !IsHonest(record, flags)) return std::nullopt;
  return record;
}

}  // namespace

void AppendInsideRecord(const InsideRecord& record, std::string& out) {
  const std::size_t begin = out.size();
  Put(std::uint32_t{0}, out);
  Put(static_cast<std::uint8_t>(record.kind), out);
  Put(record.detail, out);
  Put(static_cast<std::uint8_t>((record.cut ? kCut : 0) | (record.unreadable ? kUnreadable : 0)),
      out);
  Put(record.pid, out);
  Put(record.parent, out);
  Put(record.number, out);
  PutText(record.path, out);
  PutText(record.other, out);
  Put(static_cast<std::uint8_t>(record.argv.size()), out);
  for (const std::string& argument : record.argv) PutText(argument, out);
  const auto size = static_cast<std::uint32_t>(out.size() - begin - sizeof(std::uint32_t));
  std::memcpy(out.data() + begin, &size, sizeof size);
}

void InsideRecordReader::Take(std::string_view bytes) {
  held_.erase(0, read_);
  read_ = 0;
  held_ += bytes;
}

Result<std::optional<InsideRecord>> InsideRecordReader::Next() {
  const std::string_view rest = std::string_view(held_).substr(read_);
  std::uint32_t size = 0;
  if (rest.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, rest.data(), sizeof size);
  if (size > kMaxFrame) return Fail(Errc::kInvalidArgument, "a record of init is too long");
  if (rest.size() - sizeof size < size) return std::nullopt;
  std::optional<InsideRecord> record = Decode(rest.substr(sizeof size, size));
  if (!record) return Fail(Errc::kInvalidArgument, "a record of init is none that it sends");
  read_ += sizeof size + size;
  return record;
}

}  // namespace ambit::event
