// What fetches packages, each from its registry under the real name: npm, pip, Go, cargo. What they
// fetched is used, and a registry that is not allowed is refused in their own words.
#include "clients.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

using ClientsOfRegistries = Clients;
INSTANTIATE_TEST_SUITE_P(As, ClientsOfRegistries, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ClientsOfRegistries, NpmInstallsATree) {
  person_.Write("project/package.json",
                R"({"name": "app", "version": "1.0.0", "dependencies": {"greeter": "^1.0.0"}})");
  const Finished run = Run("--allow registry.npmjs.org", R"sh(
export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
npm install --no-update-notifier 2>&1
ls node_modules | wc -l; cat node_modules/greeter/built; npx --no-install greeter
npm install --no-update-notifier --fetch-retries 0 --registry https://refused.example/ left 2>&1
)sh");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("added 22 packages"), HasSubstr("\n22\nparts 20\nparts 20\n"),
                    HasSubstr("ENOTFOUND"), HasSubstr("getaddrinfo ENOTFOUND refused.example")))
      << run.err << Log();
}

TEST_P(ClientsOfRegistries, PipInstallsFromItsIndex) {
  const Finished run = Run("--allow pypi.org --allow files.pythonhosted.org", R"sh(
export PYTHONPATH=$(ls /usr/share/python-wheels/pip-*.whl | tail -n 1)
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_RETRIES=1
/usr/bin/python3 -m pip install -q --target lib greeter 2>&1
PYTHONPATH=lib /usr/bin/python3 -c 'import greeter; print(greeter.greet())'
/usr/bin/python3 -m pip install --target lib --index-url https://refused.example/simple other 2>&1
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("greeter 1.0.0\n"),
                             HasSubstr("Looking in indexes: https://refused.example/simple"),
                             ContainsRegex("Name or service not known.*/simple/other/")))
      << run.err << Log();
}

TEST_P(ClientsOfRegistries, PipIsRefusedTheFilesOfAnotherName) {
  const Finished run = Run("--allow pypi.org", R"sh(
export PYTHONPATH=$(ls /usr/share/python-wheels/pip-*.whl | tail -n 1)
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_RETRIES=1
/usr/bin/python3 -m pip install --target lib greeter 2>&1
)sh");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("Collecting greeter"),
                    ContainsRegex("host='files.pythonhosted.org'.*Name or service not known")))
      << run.err << Log();
}

TEST_P(ClientsOfRegistries, GoFetchesAModule) {
  person_.Write("project/go.mod", "module app\n\ngo 1.19\n");
  person_.Write("project/main.go",
                "package main\n\nimport (\n\t\"github.com/acme/greeter\"\n)\n\n"
                "func main() { println(greeter.Greet()) }\n");
  const Finished run = Run("--allow proxy.golang.org", R"sh(
PATH=$PATH:/usr/lib/go-1.19/bin
export GONOSUMDB=github.com/acme
go get github.com/acme/greeter 2>&1
go run . 2>&1
GOPROXY=https://refused.example go get github.com/acme/other 2>&1
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("go: added github.com/acme/greeter v1.0.0"),
                             HasSubstr("\ngreeter 1.0.0\n"),
                             ContainsRegex("lookup refused.example.*: no such host")))
      << run.err << Log();
}

TEST_P(ClientsOfRegistries, CargoFetchesAGitDependency) {
  person_.Write("project/Cargo.toml",
                "[package]\nname = \"app\"\nversion = \"1.0.0\"\nedition = \"2021\"\n"
                "[dependencies]\ngreeter = { git = \"https://github.com/acme/greeter.git\" }\n");
  person_.Write("project/src/main.rs", "fn main() { println!(\"{}\", greeter::greet()); }\n");
  const Finished run = Run("--allow github.com", R"sh(
cargo run -q 2>&1
sed -i s/github/gitlab/ Cargo.toml; rm Cargo.lock
CARGO_NET_RETRY=0 cargo fetch 2>&1
)sh");
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("greeter 1.0.0\n"),
            HasSubstr("failed to resolve address for gitlab.com: Name or service not known")))
      << run.err << Log();
}

}  // namespace
}  // namespace ambit::testing
