// The text of apply's records (apply_log.h): numbers, each followed by a space, then a path and
// NUL.
#include <fmt/format.h>

#include <charconv>
#include <concepts>

#include "review/apply_log.h"

namespace ambit::review {
namespace {

constexpr std::string_view kHeader = "ambit steps 1\n";
constexpr std::string_view kLeftHeader = "ambit left 2\n";  // without it: no flags
constexpr unsigned kMoved = 1;
constexpr unsigned kMerged = 2;
constexpr unsigned kReplaced = 4;

/// Takes numbers and paths off the front of a text; after a failure everything else fails too.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  template <std::integral T>
  void Number(T& out) {
    const auto [end, err] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    const auto length = static_cast<std::size_t>(end - rest_.data());
    good_ = good_ && err == std::errc() && length < rest_.size() && rest_[length] == ' ';
    if (good_) rest_.remove_prefix(length + 1);
  }
  void Read(Seen& seen) {
    Number(seen.inode);
    Number(seen.mode);
    Number(seen.uid);
    Number(seen.gid);
    Number(seen.size);
    Number(seen.mtime_ns);
  }
  void Path(std::string& out) {
    const std::size_t end = rest_.find('\0');
    good_ = good_ && end != std::string_view::npos && end != 0;
    if (!good_) return;
    out = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
  }
  bool good() const { return good_; }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::string TextOf(const Seen& seen) {
  return fmt::format("{} {} {} {} {} {} ", seen.inode, seen.mode, seen.uid, seen.gid, seen.size,
                     seen.mtime_ns);
}

}  // namespace

std::string EncodeSteps(const std::vector<Step>& steps) {
  std::string out = fmt::format("{}{} ", kHeader, steps.size());
  for (const Step& step : steps) {
    out += fmt::format(
        "{} {} {} {} {}{}", static_cast<unsigned>(step.kind), step.slot, step.mode,
        (step.moved ? kMoved : 0) | (step.merged ? kMerged : 0) | (step.replaced ? kReplaced : 0),
        TextOf(step.before), TextOf(step.after));
    out += step.path;
    out += '\0';
  }
  return out;
}

Result<std::vector<Step>> DecodeSteps(std::string_view bytes) {
  const auto bad = [] { return Fail(Errc::kInvalidArgument, "the record of an apply is damaged"); };
  if (!bytes.starts_with(kHeader)) return bad();
  Reader reader(bytes.substr(kHeader.size()));
  std::size_t count = 0;
  reader.Number(count);
  std::vector<Step> steps;
  while (reader.good() && !reader.AtEnd()) {
    Step step;
    unsigned kind = 0;
    unsigned flags = 0;
    reader.Number(kind);
    reader.Number(step.slot);
    reader.Number(step.mode);
    reader.Number(flags);
    reader.Read(step.before);
    reader.Read(step.after);
    reader.Path(step.path);
    if (!reader.good() || kind > static_cast<unsigned>(StepKind::kChangeMode)) return bad();
    step.kind = static_cast<StepKind>(kind);
    step.moved = (flags & kMoved) != 0;
    step.merged = (flags & kMerged) != 0;
    step.replaced = (flags & kReplaced) != 0;
    steps.push_back(std::move(step));
  }
  if (!reader.good() || steps.size() != count) return bad();
  return steps;
}

std::string EncodeLeft(const LeftBehind& left) {
  std::string out(kLeftHeader);
  for (const auto& [path, file] : left) {
    out += fmt::format("{} {} {} {}", file.inode, file.ctime_ns, file.merged ? kMerged : 0,
                       path.empty() ? "." : path);
    out += '\0';
  }
  return out;
}

LeftBehind DecodeLeft(std::string_view bytes) {
  LeftBehind left;
  const bool has_flags = bytes.starts_with(kLeftHeader);
  Reader reader(bytes.substr(has_flags ? kLeftHeader.size() : 0));
  while (!reader.AtEnd()) {
    Left file;
    std::string path;
    unsigned flags = 0;
    reader.Number(file.inode);
    reader.Number(file.ctime_ns);
    if (has_flags) reader.Number(flags);
    file.merged = (flags & kMerged) != 0;
    reader.Path(path);
    if (!reader.good()) break;
    left[path == "." ? std::string() : std::move(path)] = file;
  }
  return left;
}

}  // namespace ambit::review
