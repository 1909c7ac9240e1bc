// What resolvers make of the names of a run: those of glibc, musl, Python, Node, c-ares, Go and
// Java, curl and wget. A run has one global IPv4 address and none of IPv6, so who asks for what is
// configured takes IPv4, and who insists on IPv6 gets it (getaddrinfo(3), AI_ADDRCONFIG).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "outside.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Resolvers : public ::testing::TestWithParam<Who> {
 protected:
  /// `script` inside; example.com and all below deep.example are allowed.
  Finished Run(const std::string& script) {
    person_.Write("project/inside.sh", script);
    return WithOutside(person_, fmt::format("'{}' run -q --allow example.com --allow "
                                            "'*.deep.example' -- bash inside.sh",
                                            AmbitBinary()));
  }

  void Prepare(const std::string& command, std::initializer_list<const char*> sources) {
    CopyFakes(person_, "resolvers", "project", sources);
    const Finished made = person_.Execute({"/bin/sh", "-ec", command});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Resolvers, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Resolvers, OfGlibcTakeWhatIsConfigured) {
  ASSERT_NO_FATAL_FAILURE(Prepare("cc -o resolve resolve.c", {"resolve.c"}));
  const Finished run = Run("./resolve example.com; echo; ./resolve www.example.com");
  EXPECT_EQ(run.out,
            "UNSPEC: A AAAA\nUNSPEC+ADDRCONFIG: A\nINET: A\nINET+ADDRCONFIG: A\n"
            "INET6: AAAA\nINET6+ADDRCONFIG: EAI_NONAME\n\n"
            "UNSPEC: EAI_NONAME\nUNSPEC+ADDRCONFIG: EAI_NONAME\nINET: EAI_NONAME\n"
            "INET+ADDRCONFIG: EAI_NONAME\nINET6: EAI_NONAME\nINET6+ADDRCONFIG: EAI_NONAME\n")
      << run.err;
}

// For musl the loopback's ::1 is a configured address.
TEST_P(Resolvers, OfMuslTakeBothIPv4First) {
  ASSERT_NO_FATAL_FAILURE(Prepare("musl-gcc -static -o resolve resolve.c", {"resolve.c"}));
  const Finished run = Run("./resolve example.com; echo; ./resolve www.example.com");
  EXPECT_EQ(run.out,
            "UNSPEC: A AAAA\nUNSPEC+ADDRCONFIG: A AAAA\nINET: A\nINET+ADDRCONFIG: A\n"
            "INET6: AAAA\nINET6+ADDRCONFIG: AAAA\n\n"
            "UNSPEC: EAI_NONAME\nUNSPEC+ADDRCONFIG: EAI_NONAME\nINET: EAI_NONAME\n"
            "INET+ADDRCONFIG: EAI_NONAME\nINET6: EAI_NONAME\nINET6+ADDRCONFIG: EAI_NONAME\n")
      << run.err;
}

TEST_P(Resolvers, OfPythonTakeWhatIsConfigured) {
  const Finished run = Run(R"sh(/usr/bin/python3 - <<'EOF'
import socket as s
for name in ('example.com', 'www.example.com'):
    for family in (s.AF_UNSPEC, s.AF_INET, s.AF_INET6):
        for flags in (0, s.AI_ADDRCONFIG):
            try:
                print(*(a[0].name for a in s.getaddrinfo(name, 443, family, s.SOCK_STREAM, 0, flags)))
            except s.gaierror as error:
                print(error)
EOF
)sh");
  EXPECT_EQ(run.out,
            "AF_INET AF_INET6\nAF_INET\nAF_INET\nAF_INET\nAF_INET6\n"
            "[Errno -2] Name or service not known\n"
            "[Errno -2] Name or service not known\n[Errno -2] Name or service not known\n"
            "[Errno -2] Name or service not known\n[Errno -2] Name or service not known\n"
            "[Errno -2] Name or service not known\n[Errno -2] Name or service not known\n")
      << run.err;
}

TEST_P(Resolvers, OfNodeTakeWhatIsConfiguredAndCaresTakesBoth) {
  ASSERT_NO_FATAL_FAILURE(Prepare(":", {"resolve.cjs"}));
  const Finished run = Run("node resolve.cjs example.com; echo; node resolve.cjs www.example.com");
  EXPECT_EQ(run.out,
            "lookup: A AAAA\nlookup+ADDRCONFIG: A\nlookup4: A\nlookup6: AAAA\n"
            "lookup6+ADDRCONFIG: ENOTFOUND\nresolve4: A\nresolve6: AAAA\n\n"
            "lookup: ENOTFOUND\nlookup+ADDRCONFIG: ENOTFOUND\nlookup4: ENOTFOUND\n"
            "lookup6: ENOTFOUND\nlookup6+ADDRCONFIG: ENOTFOUND\nresolve4: ENOTFOUND\n"
            "resolve6: ENOTFOUND\n")
      << run.err;
}

TEST_P(Resolvers, OfGoItsOwnAndTheLibrarysTakeBothIPv4First) {
  ASSERT_NO_FATAL_FAILURE(
      Prepare("GOCACHE=$HOME/go-build PATH=$PATH:/usr/lib/go-1.19/bin go build resolve.go",
              {"resolve.go"}));
  for (const char* resolver : {"go", "cgo"}) {
    const Finished run = Run(fmt::format(
        "export GODEBUG=netdns={}; ./resolve example.com; echo; ./resolve www.example.com",
        resolver));
    EXPECT_THAT(run.out, ::testing::MatchesRegex(
                             "ip: A AAAA\nip4: A\nip6: AAAA\n\n"
                             "ip: lookup www.example.com( on 127.0.0.1:53)?: no such host\n"
                             "ip4: lookup www.example.com( on 127.0.0.1:53)?: no such host\n"
                             "ip6: lookup www.example.com( on 127.0.0.1:53)?: no such host\n"))
        << resolver << run.err;
  }
}

TEST_P(Resolvers, OfJavaTakeWhatTheyPrefer) {
  ASSERT_NO_FATAL_FAILURE(Prepare("javac Resolve.java", {"Resolve.java"}));
  const Finished run =
      Run("java Resolve example.com www.example.com\n"
          "java -Djava.net.preferIPv6Addresses=true Resolve example.com\n"
          "java -Djava.net.preferIPv4Stack=true Resolve example.com");
  EXPECT_EQ(run.out,
            "example.com: A AAAA\nwww.example.com: java.net.UnknownHostException: "
            "www.example.com: Name or service not known\n"
            "example.com: AAAA A\nexample.com: A\n")
      << run.err;
}

TEST_P(Resolvers, LeadCurlAndWgetToTheNameInEitherFamily) {
  const Finished run = Run(R"sh(
for family in '' -4 -6; do
  curl $family -sS -m 9 http://example.com/curl$family
  wget $family -qO- -T 9 http://example.com/wget$family
  curl $family -sS -m 9 http://www.example.com/ 2>&1
  wget $family -nv -O- -T 9 http://www.example.com/ 2>&1
done)sh");
  for (const char* family : {"", "-4", "-6"}) {
    EXPECT_THAT(run.out, AllOf(HasSubstr(fmt::format("/curl{} at example.com\n", family)),
                               HasSubstr(fmt::format("/wget{} at example.com\n", family))))
        << run.err;
  }
  EXPECT_THAT(run.out, AllOf(HasSubstr("curl: (6) Could not resolve host: www.example.com"),
                             HasSubstr("wget: unable to resolve host address ‘www.example.com’"),
                             Not(HasSubstr("at www.example.com"))));
}

TEST_P(Resolvers, SearchInTheDomainsTheyAreGiven) {
  ASSERT_NO_FATAL_FAILURE(Prepare("cc -o resolve resolve.c", {"resolve.c", "resolve.cjs"}));
  const Finished run = Run(R"sh(
export LOCALDOMAIN='corp.example deep.example'
./resolve a | head -n 1; ./resolve a. | head -n 1
RES_OPTIONS=ndots:3 ./resolve b.a | head -n 1
RES_OPTIONS='ndots:2 edns0' ./resolve b.a | head -n 1
RES_OPTIONS='ndots:3 use-vc' ./resolve b.a | head -n 1
)sh");
  EXPECT_EQ(run.out,
            "UNSPEC: A AAAA\nUNSPEC: EAI_NONAME\nUNSPEC: A AAAA\nUNSPEC: A AAAA\n"
            "UNSPEC: A AAAA\n")
      << run.err;
  EXPECT_EQ(person_.Read("asked"), "") << "asked outside, though nobody connected";
}

TEST_P(Resolvers, AreToldWhyByAnswersInOrder) {
  const Finished run = Run(R"sh(
ask() { echo "== $*"; dig +tries=1 +time=5 "$@"; }
label=$(printf 'x%.0s' $(seq 60)); long=$label.$label.$label.$label
ask ExAmPlE.cOm
ask www.example.com
ask +noedns www.example.com
ask example.com HTTPS
ask example.com TXT
ask +edns=1 +noednsnegotiation example.com
ask +tcp example.com AAAA
ask -x 198.18.0.1
ask +bufsize=512 +ignore $long.example
ask +bufsize=512 $long.example
ask +dnssec +cookie +subnet=192.0.2.0/24 example.com
ask @198.51.100.1 example.com
)sh");
  const auto answer = [&](const std::string& to) {
    const std::size_t from = run.out.find("== " + to);
    EXPECT_NE(from, std::string::npos) << to << run.out;
    return from == std::string::npos ? ""
                                     : run.out.substr(from, run.out.find("\n== ", from) - from);
  };
  // The question comes back as it was put: resolvers mix letters to know forgeries (0x20).
  EXPECT_THAT(answer("ExAmPlE"),
              AllOf(HasSubstr("NOERROR"), ContainsRegex("\nExAmPlE.cOm.\t.*A\t198.18.")));
  EXPECT_THAT(answer("www"),
              AllOf(HasSubstr("NXDOMAIN"), HasSubstr("EDE: 15 (Blocked): "
                                                     "(www.example.com: no rule allows it)")));
  EXPECT_THAT(answer("+noedns"), AllOf(HasSubstr("NXDOMAIN"), Not(HasSubstr("OPT PSEUDOSECTION"))));
  for (const char* type : {"example.com HTTPS", "example.com TXT"}) {
    EXPECT_THAT(answer(type), AllOf(HasSubstr("NOERROR"), HasSubstr("ANSWER: 0")));
  }
  EXPECT_THAT(answer("+edns=1"), HasSubstr("EDNS: version: 0"));
  EXPECT_THAT(answer("+tcp"), AllOf(HasSubstr("(TCP)"), ContainsRegex("AAAA\tfd")));
  EXPECT_THAT(answer("-x"), HasSubstr("PTR\texample.com."));
  EXPECT_THAT(answer("+bufsize=512 +ignore"), ContainsRegex("flags: qr [a-z ]*tc"));
  EXPECT_THAT(answer("+bufsize=512 xx"), AllOf(HasSubstr("Truncated, retrying in TCP mode"),
                                               HasSubstr("NXDOMAIN"), HasSubstr("EDE: 15")));
  EXPECT_THAT(answer("+dnssec"), AllOf(HasSubstr("NOERROR"), HasSubstr("\tA\t198.18.")));
  // Nobody outside answers, whichever resolver somebody asks.
  EXPECT_THAT(answer("@198.51.100.1"),
              AllOf(ContainsRegex("refused|no servers could be reached|\tA\t198\\.18\\."),
                    Not(HasSubstr("93.184."))));
  EXPECT_EQ(person_.Read("asked"), "");
}

}  // namespace
}  // namespace ambit::testing
