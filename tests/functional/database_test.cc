// Database servers inside a run, on the ports they always use, and two runs at once with the same.
#include "everyday.h"

namespace ambit::testing {
namespace {

constexpr const char* kStartPostgres = R"(set -e
PATH=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1):$PATH
initdb -D /tmp/pg -A trust -U me --no-sync >/tmp/initdb.log 2>&1 || { cat /tmp/initdb.log; exit 1; }
pg_ctl -D /tmp/pg -w -l /tmp/pg.log -o '-k /tmp' start >/dev/null || { cat /tmp/pg.log; exit 1; }
Ask() { psql -h "$1" -U me -d postgres -qAtc "$2"; }
)";

constexpr const char* kStartRedis = R"(set -e
redis-server --dir /tmp --daemonize yes >/dev/null
for try in $(seq 100); do redis-cli ping >/dev/null 2>&1 && break; sleep 0.05; done
)";

class Database : public Everyday {
 protected:
  /// One run executes `first` and stays; while it is up, another executes `second` to its end;
  /// then the first goes on with `last`. Returns what the two printed, the first's lines first.
  Finished TwoAtOnce(const std::string& first, const std::string& second, const std::string& last) {
    return person_.Execute(
        {"/bin/bash", "-c", R"(
mkfifo ../go
"$AMBIT" run -q -- sh -c "$FIRST; echo ready; read word; $LAST" <../go >../first.out 2>../first.err &
first=$!
exec 3>../go
until grep -qs ready ../first.out; do
  kill -0 $first 2>/dev/null || { cat ../first.out ../first.err; exit 1; }
  sleep 0.05
done
"$AMBIT" run -q -- sh -c "$SECOND" >../second.out 2>&1 || { cat ../second.out; exit 1; }
echo on >&3
wait $first || { cat ../first.out ../first.err; exit 1; }
cat ../first.out ../second.out)"},
        {}, {{"AMBIT", AmbitBinary()}, {"FIRST", first}, {"SECOND", second}, {"LAST", last}},
        std::chrono::seconds(120));
  }
};
INSTANTIATE_TEST_SUITE_P(As, Database, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(Database, PostgresServesItsDefaultPortAndItsSocketAndStops) {
  const Finished run = person_.Sh(std::string(kStartPostgres) + R"(
Ask 127.0.0.1 'create table t(a int); insert into t select generate_series(1, 1000)'
Ask /tmp 'select sum(a) from t'
Ask localhost 'show port'
pg_ctl -D /tmp/pg -w -m fast stop >/dev/null
grep -c 'database system is shut down' /tmp/pg.log)",
                                  {}, std::chrono::seconds(120));
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_EQ(run.out, "500500\n5432\n1\n") << run.err;
}

TEST_P(Database, RedisServesItsDefaultPort) {
  const Finished run = person_.Sh(std::string(kStartRedis) + R"(
redis-cli ping; redis-cli set key value; redis-cli get key; redis-cli save
redis-cli config get port | tail -n 1; redis-cli shutdown nosave 2>&1
test -s /tmp/dump.rdb && echo saved)");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "PONG\nOK\nvalue\nOK\n6379\nsaved\n") << run.err;
}

TEST_P(Database, TwoRunsAtOnceEachHaveTheirOwnPostgresOnTheSamePort) {
  const std::string start = kStartPostgres;
  const Finished runs =
      TwoAtOnce(start + "Ask 127.0.0.1 \"create table t(a text); insert into t values('one')\"",
                start +
                    "Ask 127.0.0.1 \"create table t(a text); insert into t values('two')\"; "
                    "Ask 127.0.0.1 'select a from t'",
                "Ask 127.0.0.1 'select a from t'");
  EXPECT_EQ(runs.exit_code, 0) << runs.err;
  EXPECT_EQ(runs.out, "ready\none\ntwo\n") << runs.err;
}

TEST_P(Database, TwoRunsAtOnceEachHaveTheirOwnRedisOnTheSamePort) {
  const std::string start = kStartRedis;
  const Finished runs =
      TwoAtOnce(start + "redis-cli set who one", start + "redis-cli get who; redis-cli set who two",
                "redis-cli get who");
  EXPECT_EQ(runs.exit_code, 0) << runs.err;
  EXPECT_EQ(runs.out, "OK\nready\none\n\nOK\n") << runs.err;
}

}  // namespace
}  // namespace ambit::testing
