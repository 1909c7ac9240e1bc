// What becomes of a line of the journal in each view, whoever chose its words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <regex>

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "event/schema.h"
#include "journal/entry.h"
#include "journal/entry_text.h"
#include "journal/export.h"
#include "journal/match.h"
#include "journal/writer.h"

namespace ambit::journal {
namespace {

using event::Event;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Parsed = nlohmann::json;

constexpr std::int64_t kTime = 1'795'316'238'994'989'360;

/// Breaks out of JSON, out of a cell, out of a line and out of a terminal where it can.
const std::string kHostile =
    "=1+1\",\"v\":1}\r\n{\"event\":\"run.ended\x1b[2J\xe2\x80\xae\xe2\x80\x8b\x9b\xff,'\\";

std::string Line(const Event& event) { return EncodeEvent(event, 7, kTime, "r-01234567"); }

Entry Of(const Event& event) {
  const Result<Entry> entry = ParseEntry(Line(event));
  EXPECT_TRUE(entry) << entry.error().what;
  return entry.value_or(Entry{});
}

/// One of each, every text in it hostile.
std::vector<Event> HostileEvents() {
  std::vector<Event> events;
  for (const event::EventSchema& schema : event::Events()) {
    Event event{.name = schema.name, .fields = {}};
    for (const event::FieldSchema& field : schema.fields) {
      const std::string name(field.name);
      if (field.type == event::Type::kText) event.fields.push_back({name, kHostile});
      if (field.type == event::Type::kNumber) event.fields.push_back({name, std::int64_t{9}});
      if (field.type == event::Type::kYesNo) event.fields.push_back({name, true});
      if (field.type == event::Type::kTexts) {
        event.fields.push_back({name, std::vector<std::string>(40, kHostile)});
      }
    }
    events.push_back(std::move(event));
  }
  return events;
}

bool IsSafeLine(std::string_view text) {
  for (const char c : text) {
    if ((c >= 0 && c < 0x20) || c == 0x7F) return false;
  }
  for (std::string_view rest = text; !rest.empty();) {
    const Utf8Char one = DecodeUtf8(rest);
    if (one.length == 0 || (one.point >= 0x80 && one.point < 0xA0) || one.point == 0x202E ||
        one.point == 0x200B) {
      return false;
    }
    rest.remove_prefix(one.length);
  }
  return true;
}

/// RFC 4180, read independently of how it is written: the cells of each row.
std::vector<std::vector<std::string>> ReadCsv(std::string_view text) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row;
  while (!text.empty()) {
    std::string cell;
    EXPECT_EQ(text.front(), '"');
    text.remove_prefix(1);
    for (;; text.remove_prefix(1)) {
      if (text.empty()) return {};
      if (text.front() == '"') {
        if (text.size() < 2 || text[1] != '"') break;
        text.remove_prefix(1);
      }
      cell += text.front();
    }
    row.push_back(cell);
    text.remove_prefix(1);
    if (text.starts_with("\r\n")) {
      rows.push_back(std::exchange(row, {}));
      text.remove_prefix(2);
    } else {
      EXPECT_TRUE(text.starts_with(','));
      text.remove_prefix(std::min<std::size_t>(1, text.size()));
    }
  }
  EXPECT_TRUE(row.empty());
  return rows;
}

TEST(Entry, IsWhatWasWritten) {
  const Entry entry =
      Of({event::kProcessExec,
          {{"pid", std::int64_t{12}}, {"argv", std::vector<std::string>{"sh", "-c"}}}});
  EXPECT_EQ(entry.sequence, 7U);
  EXPECT_EQ(entry.time_ns, kTime);
  EXPECT_EQ(entry.run, "r-01234567");
  EXPECT_EQ(entry.event, "process.exec");
  EXPECT_EQ(entry.Number("pid"), 12);
  EXPECT_EQ(entry.fields.size(), 2U);
  EXPECT_EQ(entry.Text("argv"), "") << "it is no text";
}

TEST(Entry, OfANewerAmbitKeepsWhatItDoesNotKnow) {
  const auto entry =
      ParseEntry(R"({"v":9,"seq":1,"t":5,"run":"r","event":"new.one","deep":{"a":[1]},"half":0.5,
                      "huge":18446744073709551615})");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->Text("deep"), R"({"a":[1]})");
  EXPECT_EQ(entry->Text("half"), "0.5");
  EXPECT_EQ(entry->Text("huge"), "18446744073709551615");
}

TEST(Entry, OfWhatIsNoEventIsAnError) {
  for (const char* line :
       {"", "x", "{}", "[]", "{\"v\":1,\"seq\":-1,\"t\":1,\"run\":\"r\",\"event\":\"e\"}",
        "{\"v\":1,\"seq\":1,\"t\":\"1\",\"run\":\"r\",\"event\":\"e\"}",
        "{\"v\":1,\"seq\":1,\"t\":1,\"run\":\"r\",\"event\":\"\xff\"}",
        "{\"v\":1,\"seq\":1,\"t\":1,\"run\":\"r\",\"event\":\"e\"} {}"}) {
    EXPECT_FALSE(ParseEntry(line)) << line;
  }
}

TEST(Essence, IsOneSafeLineWhateverWasInside) {
  for (const Event& event : HostileEvents()) {
    const std::string text = Essence(Of(event));
    EXPECT_TRUE(IsSafeLine(text)) << event.name << ": " << text;
    EXPECT_LE(text.size(), kMostText) << event.name;
    if (!event.fields.empty() && event.name != event::kRunStarted) {
      EXPECT_NE(text, "") << event.name;
    }
  }
  EXPECT_FALSE(IsSafeLine(kHostile));  // the control
}

TEST(Essence, SaysWhatHappened) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(Essence(Of({event::kProcessExec,
                        {{"pid", std::int64_t{3}}, {"argv", Texts{"/bin/sh", "-c", "echo a"}}}})),
            "/bin/sh -c 'echo a' (pid 3)");
  EXPECT_EQ(Essence(Of({event::kFileRename,
                        {{"pid", std::int64_t{3}},
                         {"path", std::string("/p/a")},
                         {"to", std::string("/p/b")}}})),
            "/p/a -> /p/b (pid 3)");
  EXPECT_EQ(Essence(Of({event::kDenial,
                        {{"what", std::string("connect")},
                         {"port", std::int64_t{80}},
                         {"rule", std::string("no rule names it")}}})),
            "a connection to port 80: no rule names it");
  EXPECT_EQ(Essence(Of({event::kRunEnded,
                        {{"cause", std::string("exited")},
                         {"exit_code", std::int64_t{3}},
                         {"detail", std::string()}}})),
            "exited 3");
  EXPECT_EQ(Essence(Of({event::kJournalClose,
                        {{"records", std::int64_t{3}}, {"signature", std::string(128, 'a')}}})),
            "records=3 signature=aaaaaaaaaaaaaaaa...");
}

TEST(Cut, KeepsCharactersWhole) {
  EXPECT_EQ(Cut("abcdef", 6), "abcdef");
  EXPECT_EQ(Cut("abcdefg", 6), "abc...");
  EXPECT_EQ(Cut("ab\xc3\xa4xyz", 6), "ab...");
}

TEST(Matches, PatternsOfNamesAndPaths) {
  const Entry write = Of({event::kFileWrite, {{"path", std::string("/home/ann/p/src/main.c")}}});
  const Entry rename =
      Of({event::kFileRename, {{"path", std::string("/p/a")}, {"to", std::string("/p/b.txt")}}});
  const Entry apply =
      Of({event::kApplyEnded, {{"applied_paths", std::vector<std::string>{"M src/a.c"}}}});
  EXPECT_TRUE(Matches({}, write));
  EXPECT_TRUE(Matches({.type = "file.*"}, write));
  EXPECT_FALSE(Matches({.type = "process.*"}, write));
  for (const char* fits : {"main.c", "src/*.c", "src/*", "/home/*", "*.c", "p/src/main.c"}) {
    EXPECT_TRUE(Matches({.path = fits}, write)) << fits;
  }
  for (const char* not_it : {"ain.c", "/src/main.c", "src", "*.h"}) {
    EXPECT_FALSE(Matches({.path = not_it}, write)) << not_it;
  }
  EXPECT_TRUE(Matches({.path = "b.txt"}, rename));
  EXPECT_TRUE(Matches({.path = "src/a.c"}, apply));
  EXPECT_FALSE(Matches({.type = "file.*", .path = "main.c", .since_ns = kTime + 1}, write));
  EXPECT_FALSE(Matches({.refused = true}, write));
  EXPECT_TRUE(Matches({.refused = true}, Of({event::kDenial, {}})));
}

TEST(Since, IsADurationOrATime) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t now = 1'769'860'800 * kSecond;  // 2026-01-31 12:00:00
  EXPECT_EQ(ParseSince("90s", now), now - 90 * kSecond);
  EXPECT_EQ(ParseSince("2h", now), now - 7200 * kSecond);
  EXPECT_EQ(ParseSince("1d", now), now - 86400 * kSecond);
  EXPECT_EQ(ParseSince("11:30", now), now - 1800 * kSecond);
  EXPECT_EQ(ParseSince("2026-01-31", now), now - 43200 * kSecond);
  EXPECT_EQ(ParseSince("2026-01-30 12:00:01", now), now - 86399 * kSecond);
  for (const char* bad : {"", "h", "-1h", "5", "5x", "tomorrow", "12:61", "9999999999999999999d"}) {
    EXPECT_FALSE(ParseSince(bad, now)) << bad;
  }
}

TEST(Csv, HasTheSameColumnsInEveryRowAndNoFormula) {
  const auto csv = MakeExporter(Format::kCsv, "1");
  std::string text = csv->Begin();
  for (const Event& event : HostileEvents()) text += csv->Add(Of(event), Line(event));
  text += csv->End();
  const auto rows = ReadCsv(text);
  ASSERT_EQ(rows.size(), HostileEvents().size() + 1);
  EXPECT_THAT(rows[0], ::testing::ElementsAreArray(kColumns));
  for (const auto& row : rows) {
    ASSERT_EQ(row.size(), kColumns.size()) << row[0];
    for (const std::string& cell : row) {
      EXPECT_TRUE(IsSafeLine(cell)) << cell;
      EXPECT_TRUE(cell.empty() || std::string_view("=+-@").find(cell[0]) == std::string::npos)
          << cell;
    }
  }
  const Entry one = Of({event::kFileWrite, {{"path", kHostile}}});
  EXPECT_THAT(ReadCsv(CsvRow(one)).at(0).at(5), StartsWith("'=1+1\",\"v\""));
  EXPECT_EQ(ReadCsv(CsvRow(one)).at(0).at(0), UtcTime(kTime));
}

TEST(Ocsf, HasWhatEachClassRequires) {
  for (const Event& event : HostileEvents()) {
    const std::string line = OcsfLine(Of(event), "1.2.3");
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_TRUE(IsSafeLine(std::string_view(line).substr(0, line.size() - 1)));
    const Parsed out = Parsed::parse(line);
    const int uid = out.at("class_uid");
    const int activity = out.at("activity_id");
    EXPECT_EQ(out.at("category_uid"), uid / 1000) << event.name;
    EXPECT_EQ(out.at("type_uid"), uid * 100 + activity) << event.name;
    EXPECT_EQ(out.at("time"), kTime / 1'000'000);
    EXPECT_TRUE(out.at("severity_id").is_number_integer());
    EXPECT_EQ(out.at("metadata").at("version"), "1.3.0");
    EXPECT_EQ(out.at("metadata").at("product").at("version"), "1.2.3");
    if (uid == 1001) EXPECT_TRUE(out.at("file").at("name").is_string()) << event.name;
    if (uid == 1001 || uid == 1007) {
      EXPECT_TRUE(out.at("device").at("type_id").is_number());
      EXPECT_TRUE(out.at("actor").is_object());
    }
    if (uid == 1007) EXPECT_EQ(out.at("process").at("pid"), 9);
    if (uid == 2004) EXPECT_TRUE(out.at("finding_info").at("title").is_string());
    if (uid == 4001) EXPECT_TRUE(out.at("dst_endpoint").at("port").is_number());
    if (uid == 6002) EXPECT_EQ(out.at("app").at("name"), "ambit");
    if (activity == 99) EXPECT_EQ(out.at("activity_name"), event.name);
  }
}

TEST(Ocsf, ADenialIsOfWhatWasDenied) {
  const auto of = [](std::vector<event::Field> fields) {
    return Parsed::parse(OcsfLine(Of({event::kDenial, std::move(fields)}), "1"));
  };
  const Parsed port = of({{"port", std::int64_t{80}}, {"rule", std::string("r")}});
  EXPECT_EQ(port.at("type_uid"), 400105);
  EXPECT_EQ(port.at("action_id"), 2);
  EXPECT_EQ(port.at("disposition_id"), 2);
  EXPECT_THAT(port.at("metadata").at("profiles"), ElementsAre("security_control"));
  EXPECT_EQ(of({{"path", std::string("/x")}}).at("class_uid"), 1001);
  EXPECT_EQ(of({}).at("class_uid"), 2004);
}

TEST(Otlp, IsARequestOfTheLogsServicePerLine) {
  const auto otlp = MakeExporter(Format::kOtlp, "1.2.3");
  std::string text = otlp->Begin();
  const std::vector<Event> events = HostileEvents();
  std::size_t written = 0;
  for (; written < kBatch + 3; ++written) {
    const Event& event = events[written % events.size()];
    text += otlp->Add(Of(event), Line(event));
  }
  text += otlp->End();
  std::istringstream lines(text);
  std::size_t seen = 0;
  int requests = 0;
  for (std::string line; std::getline(lines, line); ++requests) {
    EXPECT_TRUE(IsSafeLine(line));
    const Parsed of_run = Parsed::parse(line).at("resourceLogs").at(0);
    EXPECT_EQ(of_run.at("resource").at("attributes").at(0).at("value").at("stringValue"), "ambit");
    for (const Parsed& log : of_run.at("scopeLogs").at(0).at("logRecords")) {
      EXPECT_EQ(log.at("timeUnixNano"), std::to_string(kTime)) << "a string: it has 64 bits";
      EXPECT_TRUE(log.at("severityNumber") == 9 || log.at("severityNumber") == 13);
      EXPECT_TRUE(log.at("body").at("stringValue").is_string());
      const Event& event = events[seen++ % events.size()];
      EXPECT_EQ(log.at("attributes").at(0).at("value").at("stringValue"), event.name);
      EXPECT_EQ(log.at("attributes").size(), event.fields.size() + 2);
      for (const Parsed& attribute : log.at("attributes")) {
        EXPECT_TRUE(attribute.at("key").is_string());
        EXPECT_EQ(attribute.at("value").size(), 1U);
      }
    }
  }
  EXPECT_EQ(seen, written);
  EXPECT_EQ(requests, 2);
}

TEST(JsonLines, AreTheJournalsOwn) {
  const Event event{event::kFileWrite, {{"path", kHostile}}};
  EXPECT_EQ(MakeExporter(Format::kJsonLines, "1")->Add(Of(event), Line(event)), Line(event) + "\n");
}

}  // namespace
}  // namespace ambit::journal
