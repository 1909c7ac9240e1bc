#include "policy/import_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "policy/toml_keys.h"
#include "policy/toml_library.h"

namespace ambit::policy {
namespace {

std::unexpected<Error> WrongAt(Errc code, const std::string& name, std::string_view bytes,
                               std::size_t offset, std::string_view why) {
  const std::string_view before = bytes.substr(0, std::min(offset, bytes.size()));
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  return Fail(code, fmt::format("{}:{}:{}: {}", Printable(name), line, column, why));
}

Status CheckSize(std::string_view bytes, const std::string& name) {
  if (bytes.size() <= kMaxImportBytes) return {};
  return Fail(Errc::kLimit,
              fmt::format("{}: larger than {} KiB", Printable(name), kMaxImportBytes >> 10));
}

/// Where the text stands: in a string or not. Fed with every byte in order.
class StringState {
 public:
  /// Whether `c` belongs to a string, its quotes included.
  bool Take(char c) {
    if (!inside_) {
      inside_ = c == '"';
      return inside_;
    }
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      inside_ = false;
    }
    return true;
  }

 private:
  bool inside_ = false;
  bool escaped_ = false;
};

/// Comments become spaces, so that everything stays where it was. One that does not end is no
/// comment.
void BlankComments(std::string& text) {
  StringState strings;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (strings.Take(text[i]) || text[i] != '/' || i + 1 == text.size()) continue;
    const bool line = text[i + 1] == '/';
    if (!line && text[i + 1] != '*') continue;
    const std::size_t end =
        line ? std::min(text.find('\n', i), text.size()) : text.find("*/", i + 2);
    if (end == std::string::npos) return;
    const std::size_t after = line ? end : end + 2;
    std::replace_if(
        text.begin() + static_cast<std::ptrdiff_t>(i),
        text.begin() + static_cast<std::ptrdiff_t>(after), [](char c) { return c != '\n'; }, ' ');
    i = after - 1;
  }
}

void BlankLastCommas(std::string& text) {
  StringState strings;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (strings.Take(text[i]) || text[i] != ',') continue;
    const std::size_t next = text.find_first_not_of(" \t\r\n", i + 1);
    if (next != std::string::npos && (text[next] == ']' || text[next] == '}')) text[i] = ' ';
  }
}

/// Offset of the bracket that goes too deep; npos: none.
std::size_t TooDeepAt(std::string_view text) {
  StringState strings;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (strings.Take(text[i])) continue;
    if (text[i] == '[' || text[i] == '{') ++depth;
    if ((text[i] == ']' || text[i] == '}') && depth > 0) --depth;
    if (depth > kMaxImportDepth) return i;
  }
  return std::string_view::npos;
}

/// Of names that stand twice the last one stays.
void DropEarlierNames(Tree& table) {
  std::unordered_set<std::string_view> seen;
  std::vector<bool> keep(table.names.size());
  for (std::size_t i = table.names.size(); i-- > 0;) keep[i] = seen.insert(table.names[i]).second;
  if (seen.size() == table.names.size()) return;
  Tree out{.kind = Tree::Kind::kTable};
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (!keep[i]) continue;
    out.names.push_back(std::move(table.names[i]));
    out.items.push_back(std::move(table.items[i]));
  }
  table = std::move(out);
}

/// What the parser calls for each thing it finds; `false` ends the parsing.
class TreeMaker : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Put({}); }
  bool boolean(bool value) override { return Put({.kind = Tree::Kind::kBool, .truth = value}); }
  bool number_integer(number_integer_t value) override { return PutNumber(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    return PutNumber(std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& text) override { return PutNumber(text); }
  bool string(string_t& value) override {
    return Put({.kind = Tree::Kind::kText, .text = std::move(value)});
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(Tree::Kind::kTable); }
  bool start_array(std::size_t) override { return Open(Tree::Kind::kList); }
  bool key(string_t& name) override {
    open_.back().names.push_back(std::move(name));
    return true;
  }
  bool end_object() override {
    DropEarlierNames(open_.back());
    return Close();
  }
  bool end_array() override { return Close(); }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception&) override {
    wrong_at_ = position > 0 ? position - 1 : 0;
    token_ = token;
    return false;
  }

  Tree& root() { return root_; }
  bool too_many() const { return entries_ > kMaxImportEntries; }
  std::size_t wrong_at() const { return wrong_at_; }
  const std::string& token() const { return token_; }

 private:
  bool PutNumber(std::string text) {
    return Put({.kind = Tree::Kind::kNumber, .text = std::move(text)});
  }
  bool Put(Tree value) {
    if (++entries_ > kMaxImportEntries) return false;
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }
  bool Open(Tree::Kind kind) {
    open_.push_back({.kind = kind});
    return true;
  }
  bool Close() {
    Tree done = std::move(open_.back());
    open_.pop_back();
    return Put(std::move(done));
  }

  Tree root_;
  std::vector<Tree> open_;
  std::size_t entries_ = 0;
  std::size_t wrong_at_ = 0;
  std::string token_;
};

std::unexpected<Error> TooMuch(const std::string& name) {
  return Fail(Errc::kLimit, fmt::format("{}: more than {} entries, or nested deeper than {}",
                                        Printable(name), kMaxImportEntries, kMaxImportDepth));
}

std::string TextOf(const toml::node& node) {
  std::string out;
  node.visit([&out](const auto& value) {
    if constexpr (toml::is_string<decltype(value)>) {
      out = value.get();
    } else if constexpr (toml::is_integer<decltype(value)>) {
      out = std::to_string(value.get());
    } else if constexpr (toml::is_floating_point<decltype(value)>) {
      out = fmt::format("{}", value.get());
    } else {
      out = "a date or time";
    }
  });
  return out;
}

/// A parsed document as a tree, as far as the bounds go.
class TomlToTree {
 public:
  /// False: a bound was passed.
  bool Take(const toml::node& node, Tree& tree, std::size_t depth = 0) {
    if (++entries_ > kMaxImportEntries || depth > kMaxImportDepth) return false;
    if (const toml::table* table = node.as_table()) {
      tree.kind = Tree::Kind::kTable;
      for (const auto& [name, value] : *table) {
        tree.names.emplace_back(name.str());
        if (!Take(value, tree.items.emplace_back(), depth + 1)) return false;
      }
    } else if (const toml::array* array = node.as_array()) {
      tree.kind = Tree::Kind::kList;
      for (const toml::node& value : *array) {
        if (!Take(value, tree.items.emplace_back(), depth + 1)) return false;
      }
    } else if (const auto* truth = node.as_boolean()) {
      tree.kind = Tree::Kind::kBool;
      tree.truth = truth->get();
    } else {
      tree.kind = node.is_number() ? Tree::Kind::kNumber : Tree::Kind::kText;
      tree.text = TextOf(node);
    }
    return true;
  }

 private:
  std::size_t entries_ = 0;
};

}  // namespace

const Tree* Tree::Find(std::string_view name) const {
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? nullptr : &items[static_cast<std::size_t>(found - names.begin())];
}

Result<Tree> ReadJsonTree(std::string_view bytes, const std::string& name) {
  AMBIT_CHECK(CheckSize(bytes, name));
  std::string text(bytes);
  BlankComments(text);
  BlankLastCommas(text);
  if (const std::size_t at = TooDeepAt(text); at != std::string_view::npos) {
    return WrongAt(Errc::kLimit, name, text, at,
                   fmt::format("nested deeper than {}", kMaxImportDepth));
  }
  TreeMaker maker;
  if (!nlohmann::json::sax_parse(text, &maker)) {
    if (maker.too_many()) return TooMuch(name);
    return WrongAt(Errc::kInvalidArgument, name, text, maker.wrong_at(),
                   fmt::format("not JSON at '{}'", Printable(maker.token().substr(0, 40))));
  }
  return std::move(maker.root());
}

Result<Tree> ReadTomlTree(std::string_view bytes, const std::string& name) {
  AMBIT_CHECK(CheckSize(bytes, name));
  if (const unsigned line = LineOfDeepKey(bytes); line != 0) {
    return Fail(Errc::kLimit, fmt::format("{}:{}:1: a key of more than {} parts", Printable(name),
                                          line, kMaxKeyParts));
  }
  const toml::parse_result parsed = toml::parse(bytes);
  if (!parsed) {
    const toml::source_position at = parsed.error().source().begin;
    return Fail(Errc::kInvalidArgument,
                fmt::format("{}:{}:{}: {}", Printable(name), at.line, at.column,
                            Printable(parsed.error().description())));
  }
  Tree tree;
  if (!TomlToTree().Take(parsed.table(), tree)) return TooMuch(name);
  return tree;
}

}  // namespace ambit::policy
