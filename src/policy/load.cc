#include "policy/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "policy/presets.h"
#include "policy/toml_reader.h"
#include "policy/values.h"

namespace ambit::policy {
namespace {

const Option& Extends() {
  static const Option& option = *FindOption("extends");
  return option;
}

class Loader {
 public:
  Loader(const LoadRequest& request, const Host& host) : request_(request), host_(host) {}

  Loaded Load() {
    for (const Source& source : request_.files) said_.push_back(ReadKnowing(source));
    said_.push_back(request_.flags);
    RefuseUnknownPresets(said_.back());
    std::optional<Document> managed;
    if (request_.managed) managed = ReadManaged(*request_.managed);
    AddPresets();
    if (request_.without_names) {
      ForgetNames();
    } else {
      AddRegistries();
    }
    std::vector<Document> documents = std::move(presets_);
    for (std::size_t i = 0; i < said_.size(); ++i) {
      const std::string base = i < request_.files.size() ? request_.files[i].base : "";
      documents.push_back(WriteOut(std::move(said_[i]), base, request_.home));
    }
    if (managed) managed = WriteOut(*std::move(managed), "", request_.managed_home);
    out_.merged = Merge(documents, managed ? &*managed : nullptr, host_.real);
    TellOfRegistries();
    return std::move(out_);
  }

 private:
  Document Read(const Source& source) {
    ReadPolicy read = ReadToml(source.text, source.source, source.name);
    std::ranges::move(read.mistakes, std::back_inserter(out_.mistakes));
    read.document.trusted = source.trusted;
    return std::move(read.document);
  }

  Document ReadKnowing(const Source& source) {
    const std::size_t first = out_.mistakes.size();
    Document document = Read(source);
    RefuseUnknownPresets(document);
    InOrderOfLines(first);
    if (source.around) LeaveWhatTightens(document);
    return document;
  }

  /// The mistakes from `first` on, all of one file.
  void InOrderOfLines(std::size_t first) {
    std::ranges::sort(out_.mistakes.begin() + static_cast<std::ptrdiff_t>(first),
                      out_.mistakes.end(), {}, [](const Mistake& mistake) {
                        return std::tuple(mistake.origin.line, mistake.origin.column,
                                          std::string_view(mistake.what));
                      });
  }

  /// Also of a file that is not trusted: it will never be right.
  void RefuseUnknownPresets(Document& document) {
    if (document.Find(Extends().key) == nullptr) return;
    std::erase_if(document.Of(Extends()).items, [&](const Item& item) {
      if (FindPreset(item.text) != nullptr) return false;
      RefusePreset(item);
      return true;
    });
  }

  void RefusePreset(const Item& item) {
    std::vector<std::string_view> names;
    for (const Preset& preset : Presets()) names.push_back(preset.name);
    const std::string_view meant = Nearest(item.text, names);
    out_.mistakes.push_back({.origin = item.origin,
                             .what = fmt::format("no preset '{}'", Printable(item.text)),
                             .remedy = meant.empty() ? "'ambit preset list' has them all"
                                                     : fmt::format("did you mean '{}'?", meant)});
  }

  static void LeaveWhatTightens(Document& document) {
    document.trusted = false;
    document.around = true;
    std::erase_if(document.settings, [](const Setting& setting) {
      return setting.option->direction == Direction::kWidens;
    });
    std::erase_if(document.tests, [](const TestCase& test) { return test.key == "fs_visible"; });
  }

  /// A bound is no place to give things.
  Document ReadManaged(const Source& source) {
    const std::size_t first = out_.mistakes.size();
    Document document = Read(source);
    for (std::string_view key : {"extends", "env.set", "fs.files"}) {
      const Setting* setting = document.Find(key);
      if (setting == nullptr) continue;
      const Origin whole{.source = source.source, .name = source.name};
      out_.mistakes.push_back(
          {.origin = setting->items.empty() ? whole : setting->items.front().origin,
           .what = fmt::format("{}: a managed policy only bounds others", key),
           .remedy = "leave it out"});
      std::erase_if(document.settings, [&](const Setting& s) { return s.option->key == key; });
    }
    if (request_.managed_home.empty()) RefuseHomes(document);
    InOrderOfLines(first);
    return document;
  }

  void RefuseHomes(const Document& document) {
    const auto refuse = [&](const std::string& text, const Origin& origin) {
      if (!text.starts_with('~')) return;
      out_.mistakes.push_back(
          {.origin = origin,
           .what = fmt::format("'{}': /etc/passwd names no home of this user", Printable(text)),
           .remedy = "write the path out"});
    };
    for (const Setting& setting : document.settings) {
      if (setting.option->shape != Shape::kPaths) continue;
      for (const Item& item : setting.items) refuse(item.text, item.origin);
    }
    for (const TestCase& test : document.tests) refuse(test.text, test.origin);
  }

  void AddPresets() {
    if (!request_.command.empty()) {
      if (const Preset* preset = PresetOfCommand(request_.command)) {
        out_.command_preset = preset->name;
        AddChosen(*preset);
      }
    }
    for (const Document& document : said_) {
      const Setting* extends = document.Find(Extends().key);
      // The merge tells what an untrusted file does not get.
      if (extends == nullptr || !document.trusted) continue;
      for (const Item& item : extends->items) {
        if (const Preset* preset = FindPreset(item.text)) AddChosen(*preset);
      }
    }
  }

  /// Registries come with what somebody chose, not with what that extends: an agent that npm has
  /// installed is shown npm's trees, and reaches no registry for it.
  void AddChosen(const Preset& preset) {
    AddPreset(preset);
    for (const std::string& name : ReadPreset(preset).registries) {
      const auto ecosystem = EcosystemNamed(name);
      if (ecosystem) ecosystems_.insert(*ecosystem);
    }
  }

  /// Those it extends come before it: its own claim is the stronger.
  void AddPreset(const Preset& preset) {
    if (!added_.insert(preset.name).second) return;
    Document document = ReadPreset(preset);
    if (const Setting* extends = document.Find(Extends().key)) {
      for (const Item& item : std::vector<Item>(extends->items)) {
        if (const Preset* extended = FindPreset(item.text)) AddPreset(*extended);
      }
    }
    std::erase_if(document.settings, [](const Setting& s) { return s.option == &Extends(); });
    out_.presets.emplace_back(preset.name);
    presets_.push_back(OnlyWhatExists(WriteOut(std::move(document), "", request_.home)));
  }

  void AddRegistries() {
    if (!host_.registries) return;
    Document document{.source = SourceKind::kPreset, .name = "registries"};
    for (const Ecosystem ecosystem : ecosystems_) {
      PackageHosts hosts = host_.registries(ecosystem);
      std::ranges::move(hosts.allow,
                        std::back_inserter(document.Of(*FindOption("net.allow")).items));
      std::ranges::move(hosts.set, std::back_inserter(document.Of(*FindOption("env.set")).items));
      std::ranges::move(hosts.notes, std::back_inserter(registry_notes_));
    }
    presets_.push_back(std::move(document));
  }

  void TellOfRegistries() {
    const Setting* ports = out_.merged.Find("net.host_ports");
    for (RegistryNote& note : registry_notes_) {
      const bool open = note.host_port && ports != nullptr &&
                        std::ranges::find(ports->items, std::to_string(*note.host_port),
                                          &Item::text) != ports->items.end();
      if (!open) out_.notes.push_back(std::move(note.text));
    }
  }

  /// What widens the network by names; ports of the host are none.
  /// What lets names be reached; ports of the host, in both directions, are none.
  void ForgetNames() {
    const auto forget = [](Document& document) {
      std::erase_if(document.settings, [](const Setting& setting) {
        const std::string_view key = setting.option->key;
        return key == "net.allow" || key == "net.private" || key == "net.ask";
      });
    };
    std::ranges::for_each(said_, forget);
    std::ranges::for_each(presets_, forget);
  }

  static Document WriteOut(Document document, const std::string& base, const std::string& home) {
    for (Setting& setting : document.settings) {
      for (Item& item : setting.items) {
        if (setting.option->shape == Shape::kPaths || setting.option->shape == Shape::kFiles) {
          item.text = WrittenOut(item.text, home, base);
        } else if (setting.option->shape == Shape::kVariables && item.value.starts_with("~/") &&
                   document.source != SourceKind::kFlags) {
          item.value = WrittenOut(item.value, home, "");
        }
      }
    }
    for (TestCase& test : document.tests) {
      if (test.key.starts_with("fs_")) test.text = WrittenOut(test.text, home, base);
    }
    return document;
  }

  /// A preset names the places where something may be; a person names what is there.
  Document OnlyWhatExists(Document document) {
    for (Setting& setting : document.settings) {
      if (setting.option->key != "fs.ro" && setting.option->key != "fs.cow") continue;
      std::erase_if(setting.items, [&](const Item& item) {
        if (host_.exists(item.text)) return false;
        out_.absent.push_back(item.text);
        return true;
      });
    }
    std::erase_if(document.settings, [](const Setting& setting) { return setting.items.empty(); });
    return document;
  }

  const LoadRequest& request_;
  const Host& host_;
  std::vector<Document> said_;  // by files and flags
  std::vector<Document> presets_;
  std::set<std::string_view> added_;
  std::set<Ecosystem> ecosystems_;
  std::vector<RegistryNote> registry_notes_;
  Loaded out_;
};

}  // namespace

Loaded Load(const LoadRequest& request, const Host& host) { return Loader(request, host).Load(); }

}  // namespace ambit::policy
