#include "policy/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/text.h"

namespace ambit::policy {
namespace {

bool HasNames(Shape shape) { return shape == Shape::kVariables || shape == Shape::kFiles; }

class Merger {
 public:
  explicit Merger(const RealPath& real) : real_(real) {
    for (const Option& option : Options()) out_.values.push_back({.option = &option, .items = {}});
  }

  void Join(const Document& document) {
    for (const Setting& setting : document.settings) {
      for (const Item& item : setting.items) {
        if (!document.trusted && Widens(*setting.option, item)) {
          out_.left_out.push_back(
              {.option = setting.option,
               .item = item,
               .why = document.around ? "the file of a project around this one only tightens"
                                      : "the project's file is not trusted"});
        } else {
          Put(*setting.option, item);
        }
      }
    }
    out_.tests.insert(out_.tests.end(), document.tests.begin(), document.tests.end());
  }

  void Bound(const Document& managed) {
    bool guards_secrets = false;
    for (const Setting& bound : managed.settings) {
      guards_secrets |= bound.option->key == "fs.mask" || bound.option->key == "fs.hide";
      switch (bound.option->direction) {
        case Direction::kTightens:
          for (const Item& item : bound.items) Put(*bound.option, item);
          break;
        case Direction::kByChoice:
          BoundChoice(bound);
          break;
        case Direction::kWidens:
          Keep(*bound.option, [&](const Item& item) { return IsIn(*bound.option, item, bound); });
          if (bound.option->key == "env.pass") BoundAssignedNames(bound);
          break;
      }
    }
    // What the managed policy masks or hides, nobody but itself shows again.
    const Option& unmask = *FindOption("fs.unmask");
    if (guards_secrets && managed.Find(unmask.key) == nullptr) {
      Keep(unmask, [](const Item&) { return false; });
    }
    out_.tests.insert(out_.tests.end(), managed.tests.begin(), managed.tests.end());
  }

  Merged Finish() && {
    std::erase_if(out_.values, [](const Setting& setting) { return setting.items.empty(); });
    std::ranges::sort(out_.left_out, {}, [](const LeftOut& one) {
      const Origin& origin = one.item.origin;
      return std::tuple(origin.name, origin.line, origin.column, one.item.text);
    });
    return std::move(out_);
  }

 private:
  Setting& Of(const Option& option) {
    return *std::ranges::find(out_.values, &option, &Setting::option);
  }

  bool Widens(const Option& option, const Item& item) {
    switch (option.direction) {
      case Direction::kTightens:
        return false;
      case Direction::kByChoice: {
        const Setting& now = Of(option);
        const std::string_view holds =
            now.items.empty() ? option.by_default : std::string_view(now.items.front().text);
        return ChoiceOf(option, item.text) > ChoiceOf(option, holds);
      }
      case Direction::kWidens:
        return std::ranges::none_of(Of(option).items, [&](const Item& there) {
          return there.text == item.text && there.value == item.value;
        });
    }
    return true;
  }

  void Put(const Option& option, const Item& item) {
    std::vector<Item>& items = Of(option).items;
    if (option.direction == Direction::kByChoice) {
      items = {item};
      return;
    }
    const auto same = std::ranges::find(items, item.text, &Item::text);
    if (same == items.end()) {
      items.push_back(item);
    } else if (HasNames(option.shape)) {
      *same = item;
    }
    // One variable is passed or set, as the stronger claim says.
    if (option.key == "env.set") Forget("env.pass", item.text);
    if (option.key == "env.pass") Forget("env.set", item.text);
  }

  void Forget(std::string_view key, const std::string& text) {
    std::erase_if(Of(*FindOption(key)).items, [&](const Item& item) { return item.text == text; });
  }

  void BoundChoice(const Setting& bound) {
    const Option& option = *bound.option;
    if (bound.items.empty()) return;  // it was a mistake, which stops the run
    const Item& tightest = bound.items.front();
    std::vector<Item>& now = Of(option).items;
    const std::string_view holds =
        now.empty() ? option.by_default : std::string_view(now.front().text);
    if (ChoiceOf(option, holds) <= ChoiceOf(option, tightest.text)) return;
    for (const Item& item : now) LeaveOut(option, item);
    now = {tightest};
  }

  void BoundAssignedNames(const Setting& names) {
    Keep(*FindOption("env.set"),
         [&](const Item& item) { return IsIn(*names.option, item, names); });
  }

  bool IsIn(const Option& option, const Item& item, const Setting& bound) const {
    return std::ranges::any_of(bound.items, [&](const Item& allowed) {
      if (option.shape != Shape::kPaths) return allowed.text == item.text;
      // The bound itself follows no link: one in a home is its owner's to make.
      const std::string path = real_(item.text);
      return path == allowed.text || path.starts_with(allowed.text + "/");
    });
  }

  template <class Allowed>
  void Keep(const Option& option, const Allowed& allowed) {
    std::vector<Item>& items = Of(option).items;
    for (const Item& item : items) {
      if (!allowed(item)) LeaveOut(option, item);
    }
    std::erase_if(items, [&](const Item& item) { return !allowed(item); });
  }

  void LeaveOut(const Option& option, const Item& item) {
    out_.left_out.push_back(
        {.option = &option, .item = item, .why = "the managed policy does not allow it"});
  }

  const RealPath& real_;
  Merged out_;
};

std::string NameFor(const Option& option, const Origin& origin) {
  return origin.line == 0 ? Describe(origin) : fmt::format("{}: {}", Describe(origin), option.key);
}

std::vector<NamedPath> PathsOf(const Setting& setting) {
  std::vector<NamedPath> paths;
  for (const Item& item : setting.items) {
    paths.push_back({.path = item.text, .from = NameFor(*setting.option, item.origin)});
  }
  return paths;
}

std::vector<std::string> PatternsOf(const Setting& setting, std::vector<WrittenPattern>& written) {
  std::vector<std::string> patterns;
  for (const Item& item : setting.items) {
    patterns.push_back(item.text);
    if (item.origin.source == SourceKind::kPreset) continue;
    written.push_back({.flag = std::string(setting.option->flag),
                       .pattern = item.text,
                       .from = NameFor(*setting.option, item.origin),
                       .source = item.origin.source});
  }
  return patterns;
}

void PutInto(Policy& policy, const Setting& setting) {
  const std::string_view key = setting.option->key;
  if (key == "fs.project") {
    constexpr ProjectMode kModes[] = {ProjectMode::kReadOnly, ProjectMode::kCopyOnWrite,
                                      ProjectMode::kReadWrite};
    policy.project = kModes[ChoiceOf(*setting.option, setting.items.front().text)];
  } else if (key == "apply.auto_exec") {
    constexpr AutoExec kChoices[] = {AutoExec::kDeny, AutoExec::kAsk, AutoExec::kAllow};
    policy.auto_exec = kChoices[ChoiceOf(*setting.option, setting.items.front().text)];
  } else if (key == "fs.ro") {
    policy.read_only = PathsOf(setting);
  } else if (key == "fs.cow") {
    policy.copy_on_write = PathsOf(setting);
  } else if (key == "fs.keep") {
    policy.keep = PathsOf(setting);
  } else if (key == "fs.mask") {
    policy.mask = PatternsOf(setting, policy.written);
  } else if (key == "fs.hide") {
    policy.hide = PatternsOf(setting, policy.written);
  } else if (key == "fs.unmask") {
    policy.unmask = PatternsOf(setting, policy.written);
  } else if (key == "fs.files") {
    for (const Item& item : setting.items) {
      policy.files.push_back({.path = item.text,
                              .content = item.value,
                              .from = NameFor(*setting.option, item.origin)});
    }
  } else if (key == "env.pass") {
    for (const Item& item : setting.items) {
      policy.environment.push_back({.name = item.text,
                                    .value = std::nullopt,
                                    .from = NameFor(*setting.option, item.origin)});
    }
  } else if (key == "env.set") {
    for (const Item& item : setting.items) {
      policy.environment.push_back({.name = item.text,
                                    .value = item.value,
                                    .of_preset = item.origin.source == SourceKind::kPreset,
                                    .from = NameFor(*setting.option, item.origin)});
    }
  } else if (key == "net.host_ports") {
    for (const Item& item : setting.items) {
      std::uint16_t port = 0;
      std::from_chars(item.text.data(), item.text.data() + item.text.size(), port);
      policy.host_ports.push_back(port);
    }
  }
}

template <class T, class Same>
bool IsPart(const std::vector<T>& part, const std::vector<T>& whole, const Same& same) {
  return std::ranges::all_of(part, [&](const T& one) {
    return std::ranges::any_of(whole, [&](const T& other) { return same(one, other); });
  });
}

}  // namespace

const Setting* Merged::Find(std::string_view key) const {
  const auto found = std::ranges::find(values, key, [](const Setting& s) { return s.option->key; });
  return found != values.end() ? &*found : nullptr;
}

Merged Merge(std::span<const Document> documents, const Document* managed, const RealPath& real) {
  Merger merger(real);
  for (const Document& document : documents) merger.Join(document);
  if (managed != nullptr) merger.Bound(*managed);
  return std::move(merger).Finish();
}

std::string Describe(const LeftOut& left_out) {
  return fmt::format("{} '{}' is left out: {}", NameFor(*left_out.option, left_out.item.origin),
                     Printable(left_out.item.text), left_out.why);
}

Policy ToPolicy(const Merged& merged) {
  Policy policy;
  for (const Setting& setting : merged.values) PutInto(policy, setting);
  policy.tests = merged.tests;
  for (const LeftOut& one : merged.left_out) policy.left_out.push_back(Describe(one));
  return policy;
}

bool IsNoWider(const Policy& policy, const Policy& other) {
  const auto equal = [](const auto& a, const auto& b) { return a == b; };
  const auto same_path = [](const NamedPath& a, const NamedPath& b) { return a.path == b.path; };
  const auto same_file = [](const SyntheticFile& a, const SyntheticFile& b) {
    return a.path == b.path && a.content == b.content;
  };
  const auto same_variable = [](const EnvironmentRule& a, const EnvironmentRule& b) {
    return a.name == b.name && a.value == b.value;
  };
  const auto width = [](ProjectMode mode) {
    return mode == ProjectMode::kReadOnly ? 0 : mode == ProjectMode::kCopyOnWrite ? 1 : 2;
  };
  return width(policy.project) <= width(other.project) && policy.auto_exec <= other.auto_exec &&
         IsPart(policy.read_only, other.read_only, same_path) &&
         IsPart(policy.copy_on_write, other.copy_on_write, same_path) &&
         IsPart(policy.keep, other.keep, same_path) &&
         IsPart(policy.files, other.files, same_file) &&
         IsPart(policy.environment, other.environment, same_variable) &&
         IsPart(policy.unmask, other.unmask, equal) && IsPart(other.mask, policy.mask, equal) &&
         IsPart(other.hide, policy.hide, equal) &&
         IsPart(policy.host_ports, other.host_ports, equal);
}

}  // namespace ambit::policy
