// Programs that speak HTTP, WebSocket, gRPC and PostgreSQL, each with nothing set but where the
// test's authority is: each reaches the name that is allowed, and says in its own words why another
// is not reached; with another server name over the way of an allowed one it hears "access denied".
#include "clients.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

using ClientsOfTheWeb = Clients;
INSTANTIATE_TEST_SUITE_P(As, ClientsOfTheWeb, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

constexpr const char* kAllowed = "--allow example.com";

TEST_P(ClientsOfTheWeb, CurlAndWget) {
  const Finished run = Run(kAllowed, R"sh(
curl -sS -m 9 https://example.com/curl
curl -sS -m 9 --http1.1 -d x=y https://example.com/posted
wget -nv -T 9 -O - https://example.com/wget
curl -sS -m 9 https://refused.example/ 2>&1
wget -nv -T 9 -O - https://refused.example/ 2>&1
curl -sS -m 9 --connect-to refused.example:443:example.com:443 https://refused.example/ 2>&1
)sh");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("/curl at example.com\n"), HasSubstr("/posted at example.com\n"),
                    HasSubstr("/wget at example.com\n"),
                    HasSubstr("(6) Could not resolve host: refused.example"),
                    HasSubstr("unable to resolve host address ‘refused.example’"),
                    ContainsRegex("\\(35\\).*access denied"), Not(HasSubstr("at refused"))))
      << run.err << Log();
  EXPECT_THAT(person_.Read("asked"), AllOf(HasSubstr("example.com"), Not(HasSubstr("refused"))));
}

// The other way round everything turns: it is the run that keeps programs from a name.
TEST_P(ClientsOfTheWeb, CurlIsKeptFromNoNameBySomethingElse) {
  const Finished run = Run("--allow refused.example", R"sh(
curl -sS -m 9 https://refused.example/curl
curl -sS -m 9 https://example.com/ 2>&1
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/curl at refused.example\n"),
                             HasSubstr("Could not resolve host: example.com")))
      << run.err << Log();
}

TEST_P(ClientsOfTheWeb, NodeFetch) {
  ASSERT_NO_FATAL_FAILURE(Prepare(":", {"get.cjs"}));
  const Finished run = Run(kAllowed, R"sh(
export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
node get.cjs https://example.com/node
node get.cjs https://refused.example/
node get.cjs https://refused.example/ example.com
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/node at example.com\n"),
                             HasSubstr("getaddrinfo ENOTFOUND refused.example ENOTFOUND\n"),
                             HasSubstr("ERR_SSL_TLSV1_ALERT_ACCESS_DENIED\n")))
      << run.err << Log();
}

TEST_P(ClientsOfTheWeb, PythonRequests) {
  ASSERT_NO_FATAL_FAILURE(Prepare(":", {"get.py"}));
  const Finished run = Run(kAllowed, R"sh(
/usr/bin/python3 get.py https://example.com/python
/usr/bin/python3 get.py https://refused.example/
/usr/bin/python3 get.py https://refused.example/ example.com
)sh");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("/python at example.com\n"),
                    ContainsRegex("ConnectionError.*refused.example.*Name or service not known"),
                    HasSubstr("SSLError [SSL: TLSV1_ALERT_ACCESS_DENIED]")))
      << run.err << Log();
}

TEST_P(ClientsOfTheWeb, Go) {
  ASSERT_NO_FATAL_FAILURE(
      Prepare("GOCACHE=$HOME/go-build /usr/lib/go-1.19/bin/go build get.go", {"get.go"}));
  const Finished run = Run(kAllowed, R"sh(
./get https://example.com/go
./get https://refused.example/
./get https://refused.example/ example.com
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/go at example.com\n"),
                             ContainsRegex("lookup refused.example.*: no such host\n"),
                             HasSubstr("tls: access denied")))
      << run.err << Log();
}

TEST_P(ClientsOfTheWeb, JavaHttpClient) {
  ASSERT_NO_FATAL_FAILURE(Prepare("javac Get.java", {"Get.java"}));
  const Finished run = Run(kAllowed, R"sh(
for words in 'https://example.com/java' 'https://refused.example/' \
    'https://refused.example/ example.com'; do
  java Get /etc/ssl/certs/ca-certificates.crt $words
done
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/java at example.com\n"),
                             HasSubstr("java.net.UnknownHostException: refused.example"),
                             HasSubstr("Received fatal alert: access_denied")))
      << run.err << Log();
}

// The server says that it speaks HTTP/3 as well, so the browser tries that with its next question:
// it hears of a closed port, and asks by TCP. (In its TLS 1.3 every hello looks like one with an
// encrypted server name, which is refused.)
TEST_P(ClientsOfTheWeb, ChromiumAfterItHasTriedHttp3) {
  const Finished run = Run(kAllowed, R"sh(
key=$(openssl s_client -connect example.com:443 -servername example.com </dev/null 2>/dev/null |
  openssl x509 -pubkey -noout | openssl pkey -pubin -outform der |
  openssl dgst -sha256 -binary | base64)
chromium --headless --no-sandbox --disable-gpu --user-data-dir=/tmp/chromium \
  --ssl-version-max=tls1.2 --ignore-certificate-errors-spki-list="$key" --log-net-log=/tmp/log \
  --virtual-time-budget=20000 --dump-dom https://example.com/page
grep 'https://example.com' /tmp/log | grep -o '"type":"alternative","using_quic":true' | head -n 1
echo "refused $(grep -c '"net_error":-102' /tmp/log)"
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("got /more at example.com\n"),
                             HasSubstr("\"type\":\"alternative\",\"using_quic\":true\n"),
                             ContainsRegex("refused [1-9]")))
      << run.err << Log();
}

TEST_P(ClientsOfTheWeb, WebSocketAndGrpc) {
  ASSERT_NO_FATAL_FAILURE(Prepare(":", {"hear.py"}));
  const Finished run = Run("--allow ws.example --allow grpc.example", R"sh(
for kind in websocket grpc; do
  echo "$kind: $(/usr/bin/python3 hear.py $kind ${kind/websocket/ws}.example 2>&1)"
  echo "refused: $(/usr/bin/python3 hear.py $kind refused.example 2>&1)"
done
)sh",
                           "websocket grpc");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("websocket: heard hello\n"), HasSubstr("grpc: heard hello\n"),
                    HasSubstr("refused: gaierror [Errno -2] Name or service not known"),
                    ContainsRegex("DNS resolution failed for refused.example:443")))
      << run.err << Log();
}

TEST_P(ClientsOfTheWeb, PsqlToANamedDatabase) {
  const Finished run = Run("--allow db.example:5432", R"sh(
export PGCONNECT_TIMEOUT=9
psql -h db.example -U me -d postgres -qAtc "select 'sum ' || sum(a) from generate_series(1, 1000) a" 2>&1
psql -h refused.example -U me -d postgres -qAtc 'select 1' 2>&1
)sh",
                           "",
                           R"sh(
mkdir database; as=; bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
if [ "$(id -u)" = 0 ]; then
  chown postgres database; as='setpriv --reuid postgres --regid postgres --clear-groups'
fi
$as "$bin/initdb" -D database -A trust -U me --no-sync >made.log 2>&1
echo 'host all all all trust' >>database/pg_hba.conf
$as "$bin/postgres" -D database -h 93.184.216.38 -k "$PWD/database" -F >database.log 2>&1 </dev/null &
server=$!
for try in $(seq 200); do "$bin/pg_isready" -q -h 93.184.216.38 && break; sleep 0.05; done
(while [ -e /proc/$$ ]; do sleep 0.05; done; kill $server) >stop.log 2>&1 </dev/null &
)sh");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("sum 500500\n"),
                    HasSubstr("could not translate host name \"refused.example\" to address: "
                              "Name or service not known")))
      << run.err << Log() << person_.Read("database.log");
}

}  // namespace
}  // namespace ambit::testing
