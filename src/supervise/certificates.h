#pragma once
// Certificate authorities that the person's environment names by a file (a company's own, usually):
// programs inside shall trust what they trust outside, and some, node first of all, do not read the
// system's store, which every run sees. Who calls: the command line for a request that reaches
// names.
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "policy/policy.h"
#include "supervise/launcher_environment.h"

namespace ambit::supervise {

/// Whether a variable names such a file, to some program.
bool IsAboutCertificates(std::string_view name);

/// Whether a file is certificates and nothing else: PEM, with a certificate and no key in it. Pure.
bool HoldsOnlyCertificates(std::string_view text);

/// Adds the files to `policy`, to be read, and the variables that name them. One that is no file of
/// certificates stays outside, and `warn` is told why; what policy itself sets it keeps.
void AddCertificates(const Environment& environment, const std::string& project,
                     const std::function<void(const std::string&)>& warn, policy::Policy& policy);

}  // namespace ambit::supervise
