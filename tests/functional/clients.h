#pragma once
// Real programs inside a run, and an outside (tests/fakes/outside) that has what they look for
// under its real names: a web, registries of packages, git hosts, other services. Certificates are
// of an authority made for the test, which is mounted over the host's bundle: nothing is set
// inside. Each name is served, those that a run refuses too: what keeps a program from them is the
// run.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "support/fakes.h"

#include "own_mounts.h"

namespace ambit::testing {

class Clients : public ::testing::TestWithParam<Who> {
 protected:
  /// `script` (bash) inside, with `flags`, and `services` of tests/fakes/outside/main.py; `more` is
  /// done before with the rights of the outside.
  Finished Run(const std::string& flags, const std::string& script,
               const std::string& services = "", const std::string& more = "") {
    CopyFakes(person_, "outside", "outside",
              {"listeners.py", "main.py", "names.py", "packages.py", "proxy.py", "services.py",
               "web.py"});
    person_.Write("resolv.conf", "nameserver 127.0.0.53\n");
    person_.Write("asked", "");
    person_.Write("project/inside.sh", script);
    return InOwnMounts(person_,
                       fmt::format(R"sh(
ip link set lo up
for n in 34 36 37 38; do ip route add local 93.184.216.$n/32 dev lo; done
cd '{0}'
mount --bind resolv.conf /etc/resolv.conf
names=$(python3 -c "import sys; sys.path.insert(0, 'outside'); import names
print(','.join('DNS:' + name for name in names.NAMES))")
new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $new -days 2 -subj '/CN=Authority of a test' -keyout ca.key -out ca.pem 2>made.log
openssl req $new -subj /CN=outside -keyout key.pem -out request.pem 2>>made.log
echo "subjectAltName=$names" >extensions
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
  -extfile extensions -out cert.pem 2>>made.log
mount --bind ca.pem /etc/ssl/certs/ca-certificates.crt
/usr/bin/python3 -B outside/main.py '{0}' $$ {1} >servers.log 2>&1 </dev/null &
n=0; while ! [ -e ready ] && [ $((n+=1)) -lt 400 ]; do sleep 0.05; done
{2}
cd project)sh",
                                   person_.root(), services, more),
                       fmt::format("'{}' run -q {} -- bash inside.sh", AmbitBinary(), flags),
                       {"--net"});
  }

  /// For a test that failed: what the outside had to say.
  std::string Log() const { return person_.Read("servers.log") + person_.Read("made.log"); }

  void Prepare(const std::string& command, std::initializer_list<const char*> sources) {
    CopyFakes(person_, "clients", "project", sources);
    const Finished made = person_.Execute({"/bin/sh", "-ec", command});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  Scratch person_{GetParam()};
};

}  // namespace ambit::testing
