// Node inside a run: packages that build on install, and servers that only the run can reach.
#include "everyday.h"

namespace ambit::testing {
namespace {

class Node : public Everyday {};
INSTANTIATE_TEST_SUITE_P(As, Node, ::testing::ValuesIn(Everyone()), NameOfParam);

/// A package that compiles a program when it is installed, packed as npm packs.
void WritePackedDependency(Scratch& person) {
  person.Write("package/package.json", R"({"name":"greeter","version":"1.2.3","main":"index.js",
 "scripts":{"install":"cc -o greet greet.c","postinstall":"node stamp.js"}})");
  person.Write("package/greet.c",
               "#include <stdio.h>\nint main(void) { return puts(\"built\") < 0; }\n");
  person.Write("package/stamp.js", "require('fs').writeFileSync('stamp.txt', 'postinstall ran')\n");
  person.Write("package/index.js",
               "const run = require('child_process').execFileSync;\n"
               "module.exports = () => run(__dirname + '/greet').toString().trim();\n");
  const Finished packed =
      person.Execute({"tar", "-czf", "project/greeter-1.2.3.tgz", "package"}, person.root());
  ASSERT_EQ(packed.exit_code, 0) << packed.err;
  person.Write(
      "project/package.json",
      R"({"name":"app","version":"1.0.0","dependencies":{"greeter":"file:greeter-1.2.3.tgz"}})");
}

TEST_P(Node, NpmInstallsALocalTarballAndRunsItsBuild) {
  ASSERT_NO_FATAL_FAILURE(WritePackedDependency(person_));
  const std::string before = person_.Fingerprint();

  const Finished run = person_.Sh(
      "npm install --no-audit --no-fund --no-update-notifier --offline >/tmp/npm.log 2>&1 || "
      "{ cat /tmp/npm.log; exit 1; }; "
      "node -p 'require(\"greeter\")()'; cat node_modules/greeter/stamp.txt");

  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_EQ(run.out, "built\npostinstall ran");
  EXPECT_EQ(person_.Fingerprint(), before);
  const std::string changes = Changes();
  for (const char* made : {"A\tnode_modules/greeter/greet\n", "A\tnode_modules/greeter/stamp.txt\n",
                           "A\tpackage-lock.json\n"}) {
    EXPECT_NE(changes.find(made), std::string::npos) << made << "not in\n" << changes;
  }
}

TEST_P(Node, AServerAndItsClientTalkOverLoopback) {
  person_.Write("project/serve.js", R"(const http = require('http');
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (part) => (body += part));
  request.on('end', () => response.end(request.method + ' ' + request.url + ' ' + body.length));
});
server.listen(0, process.argv[2], async () => {
  const { address, port } = server.address();
  const host = address.includes(':') ? `[${address}]` : address;
  const answer = await fetch(`http://${host}:${port}/path`, { method: 'POST', body: 'x'.repeat(300000) });
  console.log(await answer.text());
  server.close();
});
)");
  EXPECT_EQ(ExpectSameInsideAndOutside("node serve.js 127.0.0.1; node serve.js localhost"),
            "POST /path 300000\nPOST /path 300000\n");
}

TEST_P(Node, WorkersFileWatchersAndChildProcessesWork) {
  person_.Write("project/work.js", R"(const { Worker } = require('worker_threads');
const fs = require('fs');
const { execFileSync, fork } = require('child_process');
if (process.argv[2] === 'child') { process.send({ answer: 42 }); process.disconnect(); return; }
fs.mkdirSync('watched', { recursive: true });
const watcher = fs.watch('watched', (event, name) => {
  console.log('saw ' + name); watcher.close();
  new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true })
    .on('message', (value) => { console.log('worker ' + value);
      fork(__filename, ['child']).on('message', (m) => console.log('child ' + m.answer)); });
});
fs.writeFileSync('watched/file', 'x');
console.log(execFileSync('sh', ['-c', 'echo from-sh'], { encoding: 'utf8' }).trim());
)");
  EXPECT_EQ(ExpectSameInsideAndOutside("node work.js; rm -r watched"),
            "from-sh\nsaw file\nworker 42\nchild 42\n");
}

}  // namespace
}  // namespace ambit::testing
