#include "cli/other_refs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "review/branch_others.h"

namespace ambit::cli {
namespace {

constexpr std::size_t kMaxNamed = 8;
constexpr std::size_t kMaxNameBytes = 100;

/// As a word of a command line it is itself, in any shell; others a person has to quote.
bool IsPlainWord(std::string_view name) {
  return !name.starts_with('-') && name.size() <= kMaxNameBytes &&
         std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  std::string_view("-_./@{}").contains(c);
         });
}

std::string Shown(const std::string& name) {
  return name.size() <= kMaxNameBytes ? Printable(name)
                                      : Printable(name.substr(0, kMaxNameBytes)) + "...";
}

}  // namespace

void NameOtherRefs(const workspace::RunMeta& run, const std::string& run_path) {
  const auto others = review::FindOtherRefs(run, run_path);
  if (!others) {
    fmt::print(stderr, "ambit: other branches of {} cannot be named: {}\n", run.id,
               WithoutControls(others.error().what));
    return;
  }
  if (others->names.empty() && !others->more) return;
  std::string list;
  for (const std::string& name : others->names) {
    if (&name == &others->names[0] + kMaxNamed) break;
    list += " " + Shown(name);
  }
  if (others->more) {
    list += " and more than can be listed";
  } else if (others->names.size() > kMaxNamed) {
    list += fmt::format(" and {} more", others->names.size() - kMaxNamed);
  }
  const auto plain = std::ranges::find_if(others->names, IsPlainWord);
  fmt::print(stderr,
             "ambit: other branches and stashes of {}, not on the host:{}\n"
             "ambit: 'ambit branch NAME {} --from {}' brings one of them\n",
             run.id, list, run.id, plain != others->names.end() ? *plain : "REF");
}

}  // namespace ambit::cli
