#include "supervise/start_egress.h"

#include <fmt/format.h>

#include "egress/egress.h"
#include "supervise/host_names.h"
#include "sys/own_addresses.h"

namespace ambit::supervise {
namespace {

const char* NameOf(egress::Stage stage) {
  switch (stage) {
    case egress::Stage::kNone:
      break;
    case egress::Stage::kDescriptors:
      return "close what it inherited";
    case egress::Stage::kIdentity:
      return "become its own user";
    case egress::Stage::kPrivileges:
      return "give up every privilege";
    case egress::Stage::kLandlock:
      return "restrict itself with Landlock";
    case egress::Stage::kSeccomp:
      return "install its system call filter";
    case egress::Stage::kLoop:
      return "make its event loop";
    case egress::Stage::kListeners:
      return "take the run's listeners";
    case egress::Stage::kResolver:
      return "make its resolver";
    case egress::Stage::kOrder:
      return "understand an order of its supervisor";
  }
  return "start";
}

}  // namespace

Result<sys::Child> StartEgress(EgressStart start) {
  AMBIT_TRY(sys::Child child, sys::Clone(0));
  if (child.pid != 0) return child;
  start.before();
  egress::EgressSpec spec;
  spec.network = start.foundation.network;
  spec.most_out = start.foundation.most_out;
  spec.life_line = Fd(start.life_line);
  spec.control = std::move(start.control);
  spec.published = std::move(start.published);
  if (spec.network.HasNames()) {
    spec.hosts = HostsFor(spec.network.rules, spec.network.proxy);
    // A machine that does not know its own addresses cannot keep names from leading to it.
    auto own = sys::OwnAddresses();
    if (!own) egress::EndUnmade(spec, own.error().sys_errno);
    spec.own = *std::move(own);
  }
  const plan::Identity& identity = start.foundation.identity;
  if (identity.started_by_root) {
    spec.become = egress::HostIdentity{.uid = identity.egress_uid, .gid = identity.egress_uid};
  }
  egress::RunEgress(std::move(spec));
}

host::Primitive PrimitiveOf(egress::Stage stage) {
  using host::Primitive;
  switch (stage) {
    case egress::Stage::kIdentity:
    case egress::Stage::kPrivileges:
      return Primitive::kPrivileges;
    case egress::Stage::kLandlock:
      return Primitive::kLandlock;
    case egress::Stage::kSeccomp:
      return Primitive::kSeccomp;
    case egress::Stage::kNone:
    case egress::Stage::kDescriptors:
    case egress::Stage::kLoop:
    case egress::Stage::kListeners:
    case egress::Stage::kResolver:
    case egress::Stage::kOrder:
      break;
  }
  return Primitive::kEgress;
}

Error ErrorOf(const egress::EgressReport& report) {
  return FailErrno(report.error, fmt::format("egress could not {}", NameOf(report.stage))).error();
}

}  // namespace ambit::supervise
