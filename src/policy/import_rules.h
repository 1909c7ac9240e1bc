#pragma once
// A format is a table: which setting means what. What stands in no table is noted as unknown, so
// nothing of a file is left out silently.
// Who calls: the formats. Pure.
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "policy/import_draft.h"
#include "policy/import_tree.h"

namespace ambit::policy {

/// One setting of the file: its value, and its way from the top, "filesystem.denyRead".
struct Entry {
  const Tree& value;
  std::string setting;
};

using Handle = std::function<void(ImportDraft&, const Entry&)>;
using Rules = std::map<std::string_view, Handle>;

/// Each setting of a table by its rule; `other` for those without one.
void Follow(ImportDraft& draft, const Entry& table, const Rules& rules, const Handle& other);

/// A table with rules of its own; what is in none of them is unknown.
Handle Section(Rules rules);

/// A string, or each of a list of them. Another type is noted.
Handle Texts(void (ImportDraft::*take)(const Said&));
/// The same; a number counts as its digits.
Handle TextsBy(std::function<void(ImportDraft&, const Said&)> take);
/// Names to values, each of them a string, a number or a truth.
Handle Variables();

/// Why the setting needs no line, or can have none; each entry of a list is noted.
Handle Holding(std::string why);
Handle Missing(std::string why);
/// Of what may be or hold a secret: the note has the value's type alone.
Handle MissingUnsaid(std::string why);
/// By a truth; another type is noted.
Handle Either(Handle when_true, Handle when_false);
/// Says nothing about what a run may do: "$schema".
Handle Nothing();
/// The rule for what is of that kind; another is noted.
Handle Only(Tree::Kind kind, Handle handle);
/// A setting of the program itself, which stays in its own file, and one of its proxy, which a run
/// does not have. Without the value: it may hold a password.
Handle OfTheProgram();
Handle OfItsProxy();
Handle Unknown();

/// All texts of an entry, a string or a list of them, without a note of what is none.
std::vector<std::string> TextsOf(const Tree* value);

// The formats: rules for one file each. `settings` is a table.
void ImportSrt(ImportDraft& draft, const Tree& settings);
void ImportClaude(ImportDraft& draft, const Tree& settings);
void ImportCodex(ImportDraft& draft, const Tree& settings);
void ImportNono(ImportDraft& draft, const Tree& settings);
void ImportFence(ImportDraft& draft, const Tree& settings);

}  // namespace ambit::policy
