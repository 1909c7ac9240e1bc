#include "policy/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "event/refusal.h"
#include "policy/net_decision.h"
#include "policy/private_names.h"

namespace ambit::policy {
namespace {

bool HasNames(Shape shape) { return shape == Shape::kVariables || shape == Shape::kFiles; }

/// Whether the managed policy's `bound` allows all that `text` does.
bool IsCovered(std::string_view text, std::string_view bound) {
  const auto rule = ParseNetRule(text, {});
  const auto wider = ParseNetRule(bound, {});
  return rule && wider && Covers(*wider, *rule);
}

/// The same of private names.
bool IsCoveredPrivate(std::string_view text, std::string_view bound) {
  const auto name = ParsePrivateName(text, {});
  const auto wider = ParsePrivateName(bound, {});
  return name && wider && Covers(*wider, *name);
}

/// `80` and `80:80` are one.
bool IsSamePort(std::string_view text, std::string_view bound) {
  const auto port = ParsePublishedPort(text);
  const auto allowed = ParsePublishedPort(bound);
  return port && allowed && *port == *allowed;
}

class Merger {
 public:
  explicit Merger(const RealPath& real) : real_(real) {
    for (const Option& option : Options()) out_.values.push_back({.option = &option, .items = {}});
  }

  void Join(const Document& document) {
    for (const Setting& setting : document.settings) {
      for (const Item& item : setting.items) {
        if (!document.trusted && IsBound(*setting.option, item)) {
          LowerTo(*setting.option, item);
        } else if (!document.trusted && Widens(*setting.option, item)) {
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
        case Direction::kByValue:
          for (const Item& item : bound.items) LowerTo(*bound.option, item);
          break;
        case Direction::kWidens:
          if (IsSingle(*bound.option)) {
            BoundToOne(bound);
            break;
          }
          Keep(*bound.option, [&](const Item& item) { return IsIn(*bound.option, item, bound); });
          if (bound.option->key == "net.allow") out_.most_allowed = bound;
          if (bound.option->key == "net.publish") out_.most_published = bound;
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
    for (const Setting& bound : out_.bounds) TellWhatIsOver(bound);
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

  static std::uint64_t ValueOf(const Option& option, const Item& item) {
    return ParseLimit(*LimitOf(option), item.text).value_or(kNoLimit);
  }

  static bool IsBound(const Option& option, const Item& item) {
    return LimitOf(option) && ValueOf(option, item) != kNoLimit;
  }

  void LowerTo(const Option& option, const Item& item) {
    if (!IsBound(option, item)) return;
    const auto there = std::ranges::find(out_.bounds, &option, &Setting::option);
    if (there == out_.bounds.end()) {
      out_.bounds.push_back({.option = &option, .items = {item}});
    } else if (ValueOf(option, item) < ValueOf(option, there->items.front())) {
      there->items = {item};
    }
  }

  void TellWhatIsOver(const Setting& bound) {
    const Item& most = bound.items.front();
    const Setting* chosen = out_.Find(bound.option->key);
    if (chosen == nullptr) return;
    const Item& item = chosen->items.front();
    if (ValueOf(*bound.option, item) <= ValueOf(*bound.option, most)) return;
    out_.left_out.push_back(
        {.option = bound.option,
         .item = item,
         .why = fmt::format("{} allows at most {}", Describe(most.origin), Printable(most.text))});
  }

  /// Of a choice.
  std::string_view Holding(const Option& option) {
    const std::vector<Item>& now = Of(option).items;
    return now.empty() ? option.by_default : std::string_view(now.front().text);
  }

  bool Widens(const Option& option, const Item& item) {
    switch (option.direction) {
      case Direction::kTightens:
        return false;
      case Direction::kByValue:
        return true;  // no limit; others are bounds
      case Direction::kByChoice:
        return ChoiceOf(option, item.text) > ChoiceOf(option, Holding(option));
      case Direction::kWidens:
        if (IsSingle(option)) return item.text != Holding(option);
        return std::ranges::none_of(Of(option).items, [&](const Item& there) {
          return there.text == item.text && there.value == item.value;
        });
    }
    return true;
  }

  void Put(const Option& option, const Item& item) {
    std::vector<Item>& items = Of(option).items;
    if (IsSingle(option)) {
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
    if (ChoiceOf(option, Holding(option)) <= ChoiceOf(option, tightest.text)) return;
    for (const Item& item : now) LeaveOut(option, item);
    now = {tightest};
  }

  /// Of choices of which none is tighter than another the managed policy makes its own.
  void BoundToOne(const Setting& bound) {
    if (bound.items.empty()) return;  // it was a mistake, which stops the run
    std::vector<Item>& now = Of(*bound.option).items;
    for (const Item& item : now) {
      if (item.text != bound.items.front().text) LeaveOut(*bound.option, item);
    }
    now = bound.items;
  }

  void BoundAssignedNames(const Setting& names) {
    Keep(*FindOption("env.set"),
         [&](const Item& item) { return IsIn(*names.option, item, names); });
  }

  bool IsIn(const Option& option, const Item& item, const Setting& bound) const {
    return std::ranges::any_of(bound.items, [&](const Item& allowed) {
      if (option.shape == Shape::kTargets) return IsCovered(item.text, allowed.text);
      if (option.shape == Shape::kPrivate) return IsCoveredPrivate(item.text, allowed.text);
      if (option.shape == Shape::kPublished) return IsSamePort(item.text, allowed.text);
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

/// The reader and the flags let nothing else come this far.
std::vector<NetRule> RulesOf(const Setting& setting) {
  std::vector<NetRule> rules;
  for (const Item& item : setting.items) {
    if (auto rule = ParseNetRule(item.text, NameFor(*setting.option, item.origin))) {
      rules.push_back(*std::move(rule));
    }
  }
  return rules;
}

std::vector<PrivateName> PrivateNamesOf(const Setting& setting) {
  std::vector<PrivateName> names;
  for (const Item& item : setting.items) {
    if (auto name = ParsePrivateName(item.text, NameFor(*setting.option, item.origin))) {
      names.push_back(*std::move(name));
    }
  }
  return names;
}

void PutInto(Limits& limits, const Setting& setting) {
  const Option& option = *setting.option;
  const Item& first = setting.items.front();
  if (const std::optional<Limit> limit = LimitOf(option)) {
    limits.Of(*limit).chosen = ParseLimit(*limit, first.text).value_or(kNoLimit);
    limits.Of(*limit).from = NameFor(option, first.origin);
  } else if (option.key == "limits.disk_backing") {
    constexpr DiskBacking kBackings[] = {DiskBacking::kDisk, DiskBacking::kImage,
                                         DiskBacking::kMemory};
    limits.disk_backing = kBackings[ChoiceOf(option, first.text)];
  } else if (option.key == "limits.require_hard") {
    for (const Item& item : setting.items) {
      if (const auto named = LimitNamed(item.text)) limits.require_hard.push_back(*named);
    }
  }
}

void PutBoundInto(Limits& limits, const Setting& bound) {
  const Item& most = bound.items.front();
  const Limit limit = LimitOf(*bound.option).value();
  limits.Of(limit).at_most = ParseLimit(limit, most.text).value_or(kNoLimit);
  const bool managed = most.origin.source == SourceKind::kManaged;
  limits.Of(limit).at_most_from = NameFor(*bound.option, most.origin) +
                                  std::string(managed ? event::kManaged : event::kNotTrusted);
}

std::vector<PublishedPort> PublishedOf(const Setting& setting) {
  std::vector<PublishedPort> ports;
  for (const Item& item : setting.items) {
    const auto port = ParsePublishedPort(item.text);
    if (port && std::ranges::find(ports, *port) == ports.end()) ports.push_back(*port);
  }
  return ports;
}

void PutInto(Policy& policy, const Setting& setting) {
  const std::string_view key = setting.option->key;
  if (key.starts_with("limits.")) return PutInto(policy.limits, setting);
  if (key == "fs.project") {
    constexpr ProjectMode kModes[] = {ProjectMode::kReadOnly, ProjectMode::kCopyOnWrite,
                                      ProjectMode::kReadWrite};
    policy.project = kModes[ChoiceOf(*setting.option, setting.items.front().text)];
  } else if (key == "apply.auto_exec") {
    constexpr AutoExec kChoices[] = {AutoExec::kDeny, AutoExec::kAsk, AutoExec::kAllow};
    policy.auto_exec = kChoices[ChoiceOf(*setting.option, setting.items.front().text)];
  } else if (key == "audit.files") {
    constexpr AuditFiles kChoices[] = {AuditFiles::kAll, AuditFiles::kWrites, AuditFiles::kOff};
    policy.audit_files = kChoices[ChoiceOf(*setting.option, setting.items.front().text)];
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
  } else if (key == "net.allow") {
    policy.net.allow = RulesOf(setting);
  } else if (key == "net.deny") {
    policy.net.deny = RulesOf(setting);
  } else if (key == "net.ask") {
    policy.net.ask = ChoiceOf(*setting.option, setting.items.front().text) == 1;
  } else if (key == "net.private") {
    policy.net.private_names = PrivateNamesOf(setting);
  } else if (key == "net.publish") {
    policy.publish = PublishedOf(setting);
  } else if (key == "net.capture") {
    constexpr Capture kChoices[] = {Capture::kAuto, Capture::kTproxy, Capture::kRedirect,
                                    Capture::kPorts};
    policy.capture = kChoices[ChoiceOf(*setting.option, setting.items.front().text)];
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

/// The most it can be where the default is `by_default`.
std::uint64_t MostOf(const LimitValue& limit, std::uint64_t by_default) {
  return std::min(limit.chosen.value_or(by_default), limit.at_most.value_or(kNoLimit));
}

/// Whatever the machine's default is. A minimum with it is lower than another for all defaults when
/// it is for the lowest and for the highest.
bool IsNoHigher(const LimitValue& limit, const LimitValue& other) {
  return MostOf(limit, 0) <= MostOf(other, 0) && MostOf(limit, kNoLimit) <= MostOf(other, kNoLimit);
}

bool IsNoWider(const Limits& limits, const Limits& other) {
  return limits.disk_backing == other.disk_backing &&
         std::ranges::equal(limits.values, other.values, IsNoHigher) &&
         IsPart(other.require_hard, limits.require_hard, std::equal_to<>());
}

}  // namespace

const Setting* Merged::Find(std::string_view key) const {
  const auto found = std::ranges::find(values, key, [](const Setting& s) { return s.option->key; });
  return found != values.end() ? &*found : nullptr;
}

const Setting* Merged::FindBound(std::string_view key) const {
  const auto found = std::ranges::find(bounds, key, [](const Setting& s) { return s.option->key; });
  return found != bounds.end() ? &*found : nullptr;
}

Merged Merge(std::span<const Document> documents, const Document* managed, const RealPath& real) {
  Merger merger(real);
  for (const Document& document : documents) merger.Join(document);
  if (managed != nullptr) merger.Bound(*managed);
  return std::move(merger).Finish();
}

std::string NameFor(const Option& option, const Origin& origin) {
  return origin.line == 0 ? Describe(origin) : fmt::format("{}: {}", Describe(origin), option.key);
}

std::string Describe(const LeftOut& left_out) {
  return fmt::format("{} '{}' is left out: {}", NameFor(*left_out.option, left_out.item.origin),
                     Printable(left_out.item.text), left_out.why);
}

Policy ToPolicy(const Merged& merged) {
  Policy policy;
  for (const Setting& setting : merged.values) PutInto(policy, setting);
  for (const Setting& bound : merged.bounds) PutBoundInto(policy.limits, bound);
  if (merged.most_published) policy.most_publish = PublishedOf(*merged.most_published);
  if (merged.most_allowed) policy.net.most = RulesOf(*merged.most_allowed);
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
  const auto same_rule = [](const NetRule& a, const NetRule& b) { return TextOf(a) == TextOf(b); };
  const auto same_name = [](const PrivateName& a, const PrivateName& b) {
    return TextOf(a) == TextOf(b);
  };
  const auto width = [](ProjectMode mode) {
    return mode == ProjectMode::kReadOnly ? 0 : mode == ProjectMode::kCopyOnWrite ? 1 : 2;
  };
  return width(policy.project) <= width(other.project) && policy.auto_exec <= other.auto_exec &&
         policy.audit_files >= other.audit_files && IsNoWider(policy.limits, other.limits) &&
         IsPart(policy.read_only, other.read_only, same_path) &&
         IsPart(policy.copy_on_write, other.copy_on_write, same_path) &&
         IsPart(policy.keep, other.keep, same_path) &&
         IsPart(policy.files, other.files, same_file) &&
         IsPart(policy.environment, other.environment, same_variable) &&
         IsPart(policy.unmask, other.unmask, equal) && IsPart(other.mask, policy.mask, equal) &&
         IsPart(other.hide, policy.hide, equal) &&
         IsPart(policy.host_ports, other.host_ports, equal) &&
         IsPart(policy.publish, other.publish, equal) && policy.capture == other.capture &&
         IsPart(policy.net.allow, other.net.allow, same_rule) &&
         IsPart(policy.net.private_names, other.net.private_names, same_name) &&
         IsPart(other.net.deny, policy.net.deny, same_rule) && policy.net.ask <= other.net.ask;
}

}  // namespace ambit::policy
