#pragma once
// What the formats have in common: they say that a path is denied, a variable passed, a port open;
// the draft knows what that is in ambit. Deny wins: what is shown and holds something denied is not
// shown.
// Who calls: the formats. Errors: none; what does not fit becomes a note.
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/import.h"

namespace ambit::policy {

/// One value of a setting.
struct Said {
  std::string text;
  std::string setting;  // "filesystem.denyRead"
};

class ImportDraft {
 public:
  explicit ImportDraft(const ImportHost& host) : host_(host) {}

  /// The next settings come from this file. `named`: its name belongs to every origin.
  void StartFile(const ImportFile& file, bool named);
  const ImportFile& file() const { return *file_; }
  const ImportHost& host() const { return host_; }

  void Hide(const Said& path);
  void ShowReadOnly(const Said& path);
  /// Read-only, and shown even where a directory above it is denied.
  void ReopenReadOnly(const Said& path);
  void ShowWritable(const Said& path);
  void DenyWrite(const Said& path);

  /// "cow" or "ro".
  void SetProject(std::string_view mode, const std::string& setting);
  /// In this format the project can be written only where a setting says so.
  void ProjectIsReadOnlyUnlessWritten(const std::string& setting) { read_only_unless_ = setting; }

  void AllowHost(const Said& host);
  void DenyHost(const Said& host);
  void OpenHostPort(const Said& port);

  void PassVariable(const Said& name);
  void DenyVariable(const Said& name);
  void SetVariable(const std::string& name, const std::string& value, const std::string& setting);

  void AddPreset(std::string_view name, const Said& origin);

  void Holds(const Said& said, std::string why);
  void HasNoEquivalent(const Said& said, std::string why);

  Imported Finish() &&;

 private:
  struct Place {
    std::string path;    // absolute, no slash at the end; up to the pattern when there is one
    std::string inside;  // of the project, pattern and all; "." is the project itself
    std::string shown;   // how a person writes it
    bool in_project = false;
    bool directory = false;  // written as one: at its end stood a slash or all that is below it
    bool pattern = false;
    bool any_depth = false;  // the pattern begins with **/
  };
  /// nullopt: no path at all, and that is noted.
  std::optional<Place> Locate(const Said& said);
  bool NoteOutsideShow(const Said& said, const Place& place);
  void HideInside(const Said& said, const Place& place);
  void Show(std::string_view key, const Said& said, const Place& place, bool reopens,
            std::string_view remark);
  bool Add(std::string_view key, const Said& said, std::string text, std::string value = {},
           std::string_view remark = {});
  void AddTest(std::string_view key, const Said& said, std::string text);
  std::string OriginOf(const Said& said) const;
  bool IsDeniedAround(const std::string& path, bool reopens) const;
  void LetDenyWin();
  void SettleProject();
  void KeepWhatAPolicyTakes();

  struct Shown {
    std::string path;
    bool reopens = false;
    ImportLine line;
    Said said;
    std::string origin;
  };

  const ImportHost& host_;
  const ImportFile* file_ = nullptr;
  bool named_ = false;
  Imported out_;
  std::vector<Shown> shown_;
  std::set<std::string> denied_paths_;  // with a slash at the end
  std::set<std::string> denied_names_;
  std::set<std::string> seen_;  // what was added, so that nothing stands twice
  std::vector<Said> written_parts_;
  std::optional<ImportLine> project_;
  std::string read_only_unless_;
};

}  // namespace ambit::policy
