// run_with_policy FLAG VALUE... -- COMMAND ARGUMENT...: a run as `ambit run -q` makes it, of a
// policy that is put together here: --keep PATH, --file PATH=CONTENT, --ro PATH, --cow PATH,
// --project cow|ro|rw, --audit off|writes|all, --from WORDS (of what comes after it). For tests
// only.
#include <stdlib.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "journal/writer.h"
#include "supervise/run.h"

namespace ambit::testing {
namespace {

void Complain(const std::string& what, const std::string& remedy) {
  std::fputs(("ambit: " + what + "\nambit: " + remedy + "\n").c_str(), stderr);
}

supervise::RunRequest Parse(int argc, char** argv) {
  supervise::RunRequest request;
  std::string from = "test";
  int i = 1;
  for (; i + 1 < argc && std::string_view(argv[i]) != "--"; i += 2) {
    const std::string_view flag = argv[i];
    const std::string value = argv[i + 1];
    policy::Policy& policy = request.policy;
    if (flag == "--from") from = value;
    if (flag == "--keep") policy.keep.push_back({.path = value, .from = from});
    if (flag == "--ro") policy.read_only.push_back({.path = value, .from = from});
    if (flag == "--cow") policy.copy_on_write.push_back({.path = value, .from = from});
    if (flag == "--file") {
      const std::size_t equals = value.find('=');
      policy.files.push_back(
          {.path = value.substr(0, equals), .content = value.substr(equals + 1), .from = from});
    }
    if (flag == "--audit") {
      policy.audit_files = value == "off"   ? policy::AuditFiles::kOff
                           : value == "all" ? policy::AuditFiles::kAll
                                            : policy::AuditFiles::kWrites;
    }
    if (flag == "--project") {
      policy.project = value == "rw"   ? policy::ProjectMode::kReadWrite
                       : value == "ro" ? policy::ProjectMode::kReadOnly
                                       : policy::ProjectMode::kCopyOnWrite;
    }
  }
  for (++i; i < argc; ++i) request.argv.emplace_back(argv[i]);
  request.environment = supervise::TakeEnvironment(request.policy);
  return request;
}

int Main(int argc, char** argv) {
  const char* home = ::getenv("HOME");
  const char* state_home = ::getenv("XDG_STATE_HOME");
  auto place = supervise::FindPlace({}, home != nullptr ? home : "",
                                    state_home != nullptr ? state_home : "");
  if (!place) {
    Complain(place.error().what, place.error().remedy);
    return 125;
  }
  supervise::RunRequest request = Parse(argc, argv);
  request.place = *std::move(place);
  const auto open_journal =
      [](const workspace::RunDir& run) -> Result<std::unique_ptr<event::Sink>> {
    AMBIT_TRY(const auto key, journal::SigningKey::LoadOrMake(journal::KeyDirectoryOf(run.path)));
    return journal::Writer::Create(run.fd.get(), workspace::kJournalFile, run.id, key);
  };
  const auto outcome = supervise::Run(
      request, open_journal,
      {.on_planned = [](const workspace::RunMeta&) {}, .on_warning = [](const std::string&) {}});
  if (!outcome) {
    Complain(outcome.error().what, outcome.error().remedy);
    return 125;
  }
  if (!outcome->detail.empty()) Complain(outcome->detail, outcome->remedy);
  return outcome->exit_code;
}

}  // namespace
}  // namespace ambit::testing

int main(int argc, char** argv) { return ambit::testing::Main(argc, argv); }
