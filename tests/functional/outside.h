#pragma once
// An outside for runs that reach names: a network namespace of the test's own in which the address
// 93.184.216.34 and 10.1.2.3 answer (by routes: they are on no interface), and the machine's own
// addresses are 192.168.77.2 and 8.8.4.4; with a name server, an HTTP proxy, and servers for HTTP,
// TLS (by a CA of its own, ca.crt) and a protocol in which the server speaks first
// (tests/fakes/outside/pages.py). Nothing leaves the machine.
#include <fmt/format.h>

#include <string>

#include "support/fakes.h"

#include "own_mounts.h"

namespace ambit::testing {

/// `command` (sh, as the person, in the project) with that outside; what was asked of its name
/// server is in `asked` below root(), of its proxy at 127.0.0.1:3128 in `proxied`, and at which of
/// its addresses its server for HTTP was reached in `reached`. When there is
/// `started` in the project, 93.184.216.36, which was another machine's, becomes this one's, and
/// then there is `moved`.
inline Finished WithOutside(Scratch& person, const std::string& command,
                            std::chrono::seconds limit = std::chrono::seconds(60)) {
  CopyFakes(person, "outside", "outside", {"listeners.py", "names.py", "pages.py", "proxy.py"});
  person.Write("resolv.conf", "nameserver 127.0.0.53\n");
  person.Write("hosts", "127.0.0.1 localhost\n::1 localhost\n");
  person.Write("asked", "");
  person.Write("proxied", "");
  person.Write("reached", "");
  const std::string place = person.root();
  const std::string set_up =
      "ip link set lo up; ip addr add 192.168.77.2/32 dev lo; ip addr add 8.8.4.4/32 dev lo\n"
      "ip route add local 93.184.216.34/32 dev lo; ip route add local 10.1.2.3/32 dev lo\n"
      "ip route add local 93.184.216.36/32 dev lo; ip route add local 93.184.216.37/32 dev lo\n"
      "ip route add local 169.254.169.254/32 dev lo; ip route add local 203.0.113.80/32 dev lo\n"
      "cd '" +
      place +
      "'; rm -f ready moved project/started\n"
      "mount --bind resolv.conf /etc/resolv.conf; mount --bind hosts /etc/hosts\n"
      "new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
      "openssl req -x509 $new -days 2 -subj /CN=corp -keyout ca.key -out ca.crt 2>/dev/null\n"
      "openssl req $new -subj /CN=example.com -keyout key -out request 2>/dev/null\n"
      "echo subjectAltName=DNS:example.com >names\n"
      "openssl x509 -req -in request -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 "
      "-extfile names -out cert 2>/dev/null\n"
      "/usr/bin/python3 -B outside/pages.py '" +
      place +
      "' $$ >servers.log 2>&1 </dev/null &\n"
      "n=0; while ! [ -e ready ] && [ $((n+=1)) -lt 200 ]; do sleep 0.05; done\n"
      "cd project";
  return InOwnMounts(person, set_up, command, {"--net"}, limit);
}

/// For a command: what is under test, as `ambit`.
inline std::string AmbitAsCommand() {
  return fmt::format("ambit() {{ '{}' \"$@\"; }}\n", AmbitBinary());
}

/// `script` (sh) in a run with `flags` and that outside, then "run" and how it ended, then `after`
/// (sh, with AmbitAsCommand) outside.
inline Finished RunWithOutside(Scratch& person, const std::string& flags, const std::string& script,
                               const std::string& after = ":",
                               std::chrono::seconds limit = std::chrono::seconds(60)) {
  person.Write("project/inside.sh", script);
  return WithOutside(
      person,
      AmbitAsCommand() + "ambit run " + flags + " -- sh inside.sh\necho \"run $?\"\n" + after,
      limit);
}

}  // namespace ambit::testing
