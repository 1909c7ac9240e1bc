#include "supervise/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "base/text.h"
#include "cli/cli.h"
#include "host/primitives.h"

namespace ambit::cli {
namespace {

using supervise::Diagnosis;
using supervise::Finding;
using supervise::Verdict;

constexpr int kNoNames = 1;

const char* WordFor(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kMissing:
      return "MISSING";
    case Verdict::kNotReached:
      return "?";
  }
  return "?";
}

std::string_view InSum(const Diagnosis& diagnosis) {
  if (!diagnosis.run_would_start) return "No run would start here.";
  return diagnosis.names_would_be_reached
             ? "A run would start here."
             : "A run without a network would start here; none that reaches names.";
}

int ExitCodeOf(const Diagnosis& diagnosis) {
  if (!diagnosis.run_would_start) return kAmbitFailed;
  return diagnosis.names_would_be_reached ? 0 : kNoNames;
}

std::string ForPeople(const Diagnosis& diagnosis) {
  std::size_t width = 0;
  for (const host::PrimitiveInfo& info : host::AllPrimitives()) {
    width = std::max(width, info.name.size());
  }
  std::string text;
  for (const Finding& finding : diagnosis.findings) {
    const host::PrimitiveInfo& info = host::InfoOf(finding.primitive);
    text += fmt::format("{:<8} {:<{}}  {}\n", WordFor(finding.verdict), info.name, width,
                        info.guarantee);
    if (!finding.detail.empty()) text += fmt::format("{:9}{}\n", "", finding.detail);
    if (!finding.remedy.empty()) text += fmt::format("{:9}remedy: {}\n", "", finding.remedy);
  }
  text += '\n';
  for (const supervise::Fact& fact : diagnosis.facts) {
    text += fmt::format("{}: {}\n", fact.name, fact.detail);
  }
  return text + fmt::format("\n{}\n", InSum(diagnosis));
}

std::string JsonEntry(std::string_view primitive, const char* ok, std::string_view detail,
                      std::string_view guarantee, std::string_view remedy, int sys_errno) {
  return fmt::format(
      R"({{"primitive":"{}","ok":{},"detail":"{}","guarantee":"{}","remedy":"{}","errno":{}}})",
      JsonEscape(primitive), ok, JsonEscape(detail), JsonEscape(guarantee), JsonEscape(remedy),
      sys_errno);
}

/// One array. "ok" is null for what could not be tried; facts about the machine are no primitives
/// and have no guarantee.
std::string ForPrograms(const Diagnosis& diagnosis) {
  std::string text = "[";
  const auto add = [&](const std::string& entry) {
    text += (text.size() == 1 ? "\n" : ",\n") + entry;
  };
  for (const Finding& finding : diagnosis.findings) {
    const host::PrimitiveInfo& info = host::InfoOf(finding.primitive);
    const char* ok = finding.verdict == Verdict::kOk        ? "true"
                     : finding.verdict == Verdict::kMissing ? "false"
                                                            : "null";
    add(JsonEntry(info.name, ok, finding.detail, info.guarantee, finding.remedy,
                  finding.sys_errno));
  }
  for (const supervise::Fact& fact : diagnosis.facts) {
    add(JsonEntry(fact.name, fact.in_order ? "true" : "false", fact.detail, "", "", 0));
  }
  return text + "\n]\n";
}

int Report(bool json) {
  const Result<Diagnosis> diagnosis = supervise::Diagnose();
  if (!diagnosis) {
    if (json) {
      const Error& error = diagnosis.error();
      const std::string entry =
          JsonEntry("a host to run on", "false", error.what, "", error.remedy, error.sys_errno);
      std::fputs(fmt::format("[\n{}\n]\n", entry).c_str(), stdout);
    }
    return Complain(diagnosis.error().what, diagnosis.error().remedy);
  }
  std::fputs((json ? ForPrograms(*diagnosis) : ForPeople(*diagnosis)).c_str(), stdout);
  return ExitCodeOf(*diagnosis);
}

}  // namespace

void AddDoctor(NewCommand ambit) {
  auto json = std::make_shared<bool>(false);
  NewCommand doctor = ambit.AddCommand(
      "doctor",
      "Rehearse a run here: what is missing, what to do (exit 0: a run would start; "
      "1: none that reaches names)");
  doctor.AddFlag("--json", *json, "For programs");
  doctor.Does([json] { return Report(*json); });
}

}  // namespace ambit::cli
