#include "cli/policy_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/runs.h"
#include "host/facts.h"
#include "policy/options.h"
#include "policy/values.h"

namespace ambit::cli {
namespace {

/// A path that is typed stands below the working directory. One that climbs goes by what the file
/// system says: `link/..` is not where it stands.
std::string FromHere(const std::string& typed) {
  if (typed.empty() || typed[0] == '/' || typed[0] == '~') return typed;
  const std::filesystem::path path(typed);
  std::string normal = std::filesystem::absolute(path).lexically_normal();
  const bool climbs = std::ranges::find(path, "..") != path.end();
  return climbs ? host::RealPath(typed).value_or(std::move(normal)) : normal;
}

/// `--env` passes a variable, or sets it.
policy::Item ItemOf(const policy::Option& option, const std::string& given) {
  const policy::Origin origin{.source = policy::SourceKind::kFlags,
                              .name = std::string(option.flag)};
  const std::size_t equals = given.find('=');
  if (option.shape == policy::Shape::kPaths) {
    return {.text = FromHere(given), .value = {}, .origin = origin};
  }
  if (option.shape != policy::Shape::kVariables || equals == std::string::npos) {
    return {.text = given, .value = {}, .origin = origin};
  }
  return {.text = given.substr(0, equals), .value = given.substr(equals + 1), .origin = origin};
}

const policy::Option* OptionFor(const policy::Option* first, const std::string& given) {
  if (first->key == "env.pass" && given.contains('=')) return policy::FindOption("env.set");
  return first;
}

}  // namespace

void PolicyFlags::AddTo(NewCommand command) {
  AddDirectoryFlag(command, directory_);
  for (const policy::Option& option : policy::Options()) {
    if (option.flag.empty() || given_.contains(option.flag)) continue;
    if (option.shape == policy::Shape::kYesNo) {
      const auto say_yes = [this, &option] {
        given_[option.flag] = {std::string(option.choices.back())};
      };
      command.AddFlag(option.flag, say_yes, option.doc);
    } else {
      command.AddFlag(option.flag, given_[option.flag], option.doc).Takes(option.value_name);
    }
  }
  command.AddFlag("--policy", files_, "Read this policy file as well; may be repeated")
      .Takes("FILE");
  command.AddFlag("--no-preset", no_preset_, "Do not choose a preset by the command's name");
  command.AddFlag("--no-net", no_net_, "Reach no name, whatever presets and files allow")
      .NotWith({"--allow", "--ask"});
}

Result<policy::Document> PolicyFlags::ToDocument() const {
  policy::Document document{.source = policy::SourceKind::kFlags, .name = "flags"};
  for (const policy::Option& table_option : policy::Options()) {
    const auto given = given_.find(table_option.flag);
    // env.set has the flag of env.pass, which stands first.
    if (given == given_.end() || table_option.key == "env.set") continue;
    for (const std::string& text : given->second) {
      const policy::Option& option = *OptionFor(&table_option, text);
      policy::Item item = ItemOf(option, text);
      if (const Status fits = policy::CheckItem(option, item, document.source); !fits) {
        return Fail(Errc::kInvalidArgument, fmt::format("{} {}", option.flag, fits.error().what),
                    fits.error().remedy);
      }
      document.Of(option).items.push_back(std::move(item));
    }
  }
  return document;
}

}  // namespace ambit::cli
