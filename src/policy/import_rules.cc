#include "policy/import_rules.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace ambit::policy {
namespace {

/// For what may hold anything: the value of a setting that is not known may be a token.
std::string KindOf(const Tree& value) {
  switch (value.kind) {
    case Tree::Kind::kNull:
      return "null";
    case Tree::Kind::kBool:
      return "true or false";
    case Tree::Kind::kNumber:
      return "a number";
    case Tree::Kind::kText:
      return "a string";
    case Tree::Kind::kList:
      return fmt::format("a list of {}", value.items.size());
    case Tree::Kind::kTable:
      return fmt::format("a table of {}", value.items.size());
  }
  return {};
}

/// A value as a note shows it: what is inside a list or table of tables is not written out.
std::string TextOf(const Tree& value) {
  switch (value.kind) {
    case Tree::Kind::kNull:
      return "null";
    case Tree::Kind::kBool:
      return value.truth ? "true" : "false";
    case Tree::Kind::kNumber:
    case Tree::Kind::kText:
      return value.text;
    case Tree::Kind::kList:
      return fmt::format("a list of {}", value.items.size());
    case Tree::Kind::kTable:
      return fmt::format("a table of {}", value.items.size());
  }
  return {};
}

using Note = void (ImportDraft::*)(const Said&, std::string);

Handle Noting(Note note, std::string why) {
  return [note, why = std::move(why)](ImportDraft& draft, const Entry& entry) {
    if (!entry.value.Is(Tree::Kind::kList)) {
      return (draft.*note)({.text = TextOf(entry.value), .setting = entry.setting}, why);
    }
    for (const Tree& item : entry.value.items) {
      (draft.*note)({.text = TextOf(item), .setting = entry.setting}, why);
    }
  };
}

void NoteType(ImportDraft& draft, const Tree& value, const std::string& setting) {
  draft.HasNoEquivalent({.text = {}, .setting = setting},
                        fmt::format("{}, not what this import knows to stand here", KindOf(value)));
}

}  // namespace

void Follow(ImportDraft& draft, const Entry& table, const Rules& rules, const Handle& other) {
  if (!table.value.Is(Tree::Kind::kTable)) return NoteType(draft, table.value, table.setting);
  for (std::size_t i = 0; i < table.value.items.size(); ++i) {
    const std::string& name = table.value.names[i];
    const auto rule = rules.find(name);
    (rule == rules.end() ? other : rule->second)(
        draft,
        {.value = table.value.items[i],
         .setting = table.setting.empty() ? name : fmt::format("{}.{}", table.setting, name)});
  }
}

Handle Section(Rules rules) {
  return [rules = std::move(rules)](ImportDraft& draft, const Entry& entry) {
    Follow(draft, entry, rules, Unknown());
  };
}

Handle TextsBy(std::function<void(ImportDraft&, const Said&)> take) {
  return [take = std::move(take)](ImportDraft& draft, const Entry& entry) {
    const auto one = [&](const Tree& value) {
      if (!value.Is(Tree::Kind::kText) && !value.Is(Tree::Kind::kNumber)) {
        return NoteType(draft, value, entry.setting);
      }
      take(draft, {.text = value.text, .setting = entry.setting});
    };
    if (entry.value.Is(Tree::Kind::kNull)) return;  // says nothing
    if (!entry.value.Is(Tree::Kind::kList)) return one(entry.value);
    for (const Tree& item : entry.value.items) one(item);
  };
}

Handle Texts(void (ImportDraft::*take)(const Said&)) {
  return TextsBy([take](ImportDraft& draft, const Said& said) { (draft.*take)(said); });
}

Handle Variables() {
  return [](ImportDraft& draft, const Entry& entry) {
    if (!entry.value.Is(Tree::Kind::kTable)) return NoteType(draft, entry.value, entry.setting);
    for (std::size_t i = 0; i < entry.value.items.size(); ++i) {
      const Tree& value = entry.value.items[i];
      const std::string setting = fmt::format("{}.{}", entry.setting, entry.value.names[i]);
      if (value.Is(Tree::Kind::kList) || value.Is(Tree::Kind::kTable) ||
          value.Is(Tree::Kind::kNull)) {
        NoteType(draft, value, setting);
      } else {
        draft.SetVariable(entry.value.names[i], TextOf(value), entry.setting);
      }
    }
  };
}

Handle Holding(std::string why) { return Noting(&ImportDraft::Holds, std::move(why)); }
Handle Missing(std::string why) { return Noting(&ImportDraft::HasNoEquivalent, std::move(why)); }

Handle Either(Handle when_true, Handle when_false) {
  return [when_true = std::move(when_true), when_false = std::move(when_false)](
             ImportDraft& draft, const Entry& entry) {
    if (entry.value.Is(Tree::Kind::kNull)) return;
    if (!entry.value.Is(Tree::Kind::kBool)) return NoteType(draft, entry.value, entry.setting);
    (entry.value.truth ? when_true : when_false)(draft, entry);
  };
}

Handle Nothing() {
  return [](ImportDraft&, const Entry&) {};
}

Handle Only(Tree::Kind kind, Handle handle) {
  return [kind, handle = std::move(handle)](ImportDraft& draft, const Entry& entry) {
    if (entry.value.Is(Tree::Kind::kNull)) return;
    if (!entry.value.Is(kind)) return NoteType(draft, entry.value, entry.setting);
    handle(draft, entry);
  };
}

Handle OfTheProgram() {
  return [](ImportDraft& draft, const Entry& entry) {
    draft.Holds({.text = {}, .setting = entry.setting},
                "a setting of the program itself, no business of ambit's");
  };
}

Handle OfItsProxy() {
  return [](ImportDraft& draft, const Entry& entry) {
    draft.HasNoEquivalent({.text = {}, .setting = entry.setting},
                          "a setting of its proxy; a run has none");
  };
}

Handle MissingUnsaid(std::string why) {
  return [why = std::move(why)](ImportDraft& draft, const Entry& entry) {
    draft.HasNoEquivalent({.text = {}, .setting = entry.setting},
                          fmt::format("{}, {}", KindOf(entry.value), why));
  };
}

Handle Unknown() { return MissingUnsaid("not known to this import"); }

std::vector<std::string> TextsOf(const Tree* value) {
  std::vector<std::string> texts;
  if (value == nullptr) return texts;
  if (value->Is(Tree::Kind::kText)) texts.push_back(value->text);
  for (const Tree& item : value->items) {
    if (value->Is(Tree::Kind::kList) && item.Is(Tree::Kind::kText)) texts.push_back(item.text);
  }
  return texts;
}

}  // namespace ambit::policy
