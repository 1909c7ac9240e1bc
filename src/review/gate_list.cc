// The one list of the gate. Held is what a program on the host obeys or runs although its user
// asked for something else: opening the folder, entering the directory, a command of git, a push,
// the start of an agent, an install of packages. Shown is what runs because somebody builds or
// tests: anything in a project may run then, so these lines name it and ask nothing.
//
// A pattern is one name or several in a row, at any depth. '*' stands for any characters of one
// name. With a '/' at the end it means what is called so and all below it, else only what the path
// itself ends in.
#include <algorithm>
#include <vector>

#include "review/gate.h"

namespace ambit::review {
namespace {

using enum GateVerdict;

struct Group {
  GateVerdict verdict;
  std::string_view reason;
  std::string_view patterns;  // spaces between them
};

// clang-format off
constexpr Group kGroups[] = {
    {kNever, "git itself: hooks, filters and settings in it run on the host",
     ".git/"},
    {kHeld, "git obeys it: submodules, filters and settings that run programs",
     ".gitmodules .gitattributes .gitconfig .gitconfig.* .lfsconfig gi7eba~* gi7d29~*"},
    {kHeld, "makes its directory a git repository of its own, with settings that run programs",
     "HEAD"},
    {kHeld, "runs at commits and other commands of git",
     ".husky/ .huskyrc* husky.config.* .githooks/ .git-hooks/ githooks/ git-hooks/ .cargo-husky/ "
     ".hooks/ .rusty-hook.toml .pre-commit-config.y*ml .pre-commit-hooks.y*ml .pre-commit/ prek.toml "
     ".lefthook/ lefthook*.y*ml .lefthook*.y*ml lefthook*.toml .lefthook*.toml lefthook*.json "
     ".lefthook*.json .overcommit.yml .overcommit/ captainhook.json grumphp.y*ml .lintstagedrc* "
     "lint-staged.config.* .simple-git-hooks.* simple-git-hooks.* .commitlintrc* "
     "commitlint.config.* .gitlint"},
    {kHeld, "called as a hook of git, which runs it where its directory is one of hooks",
     "applypatch-msg commit-msg fsmonitor-watchman hooks/update p4-changelist p4-post-changelist "
     "p4-pre-submit p4-prepare-changelist post-applypatch post-checkout post-commit "
     "post-index-change post-merge post-receive post-rewrite post-update pre-applypatch "
     "pre-auto-gc pre-commit pre-merge-commit pre-push pre-rebase pre-receive prepare-commit-msg "
     "proc-receive push-to-checkout reference-transaction sendemail-validate"},
    {kHeld, "another version control makes its directory a repository, with hooks and settings",
     ".hg/ .hgsub .jj/ .sl/"},
    {kHeld, "an editor obeys it when the folder is opened",
     ".vscode/ .vscode-*/ *.code-workspace .idea/ .run/ *.iml *.ipr *.iws .fleet/ .zed/ .vs/ "
     ".vsconfig .helix/ .nova/ *.sublime-project *.sublime-workspace *.sublime-build "
     "*.sublime-settings .settings/ .project .classpath .cproject .externalToolBuilders/ "
     "nbproject/ .vim/ .vimrc .gvimrc .nvim/ .nvimrc .nvim.lua .lvimrc .exrc _vimrc _gvimrc _exrc "
     ".vimspector.json .ycm_extra_conf.py .dir-locals.el .dir-locals-2.el .projectile .kakrc "
     ".nanorc .luarc.json* .solargraph.yml .clangd"},
    {kHeld, "a plug-in of an editor runs it when the folder is opened",
     "build.rs eslint.config.* .eslintrc* .prettierrc* prettier.config.* .stylelintrc* "
     "stylelint.config.* tailwind.config.* postcss.config.* .postcssrc* .pylintrc pylintrc "
     ".rubocop.y*ml .flake8 .formatter.exs .credo.exs .luacheckrc .markdownlint.cjs "
     ".markdownlint-cli2.* .php-cs-fixer*.php .php_cs .php_cs.dist"},
    {kHeld, "a language server starts programs that it names when the folder is opened",
     ".bsp/ rust-project.json rust-analyzer.toml .rust-analyzer.toml hie.yaml .neoconf.json "
     ".lazy.lua"},
    {kHeld, "an editor or hosted workspace starts programs from it",
     ".devcontainer*/ devcontainer.json .gitpod.yml .gitpod.Dockerfile .gitpod/ .ona/ .idx/ "
     ".replit replit.nix .stackblitzrc .codesandbox/ .devfile.y*ml devfile.y*ml"},
    {kHeld, "a shell or its plug-in runs it on entering the directory or at its start",
     ".envrc .envrc.* .direnv/ .mise.toml .mise.*.toml mise.toml mise.*.toml .mise/ .config/mise/ "
     "mise/config*.toml .rtx.toml .autoenv .autoenv.zsh .env.zsh devenv.nix .devenv/ devbox.json "
     ".bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv "
     ".zprofile .zlogin .zlogout .kshrc .cshrc .tcshrc .inputrc config.fish .tmux.conf .screenrc "
     ".ssh/"},
    {kHeld, "an interpreter or debugger runs it whenever it is started there",
     "sitecustomize.py usercustomize.py site-packages/*.pth dist-packages/*.pth .pdbrc .gdbinit "
     ".gdbearlyinit .lldbinit .irbrc .pryrc .byebugrc .Rprofile .Renviron .RData .octaverc .ghci "
     ".iex.exs .erlang .psysh.php .ocamlinit .sbclrc .user.ini"},
    {kHeld, "the interpreter that editors and scripts start by themselves",
     "pyvenv.cfg bin/python bin/python2* bin/python3* bin/activate bin/activate.* "
     "bin/activate_this.py bin/pip bin/pip3* Scripts/python*.exe Scripts/activate "
     "Scripts/activate.* Scripts/pip*.exe"},
    {kHeld, "an agent takes tools, hooks or permissions from it",
     ".claude*/ .mcp.json .mcp/ mcp.json mcp_config.json .cursor*/ .codex*/ .gemini*/ "
     "gemini-extension.json .copilot*/ .windsurf*/ .codeium/ .aider*/ .continue*/ .cline*/ .roo/ "
     ".roo-*/ .roomodes .roorules*/ .rooignore .kilo/ .kilocode*/ .opencode*/ opencode.json* "
     ".qwen/ .factory/ .droid/ .pi/ .agents/ .agent/ .amp/ .augment*/ .crush*/ crush.json "
     ".goose*/ .kiro/ .amazonq/ .junie/ .trae/ .tabnine/ .zencoder/ .antigravity/ .openhands*/ "
     ".devin/ .serena/ .warp/ .vibe/ .sourcegraph/ .cody/ .skills/ .conductor/ conductor.json"},
    {kHeld, "an agent takes it as instructions of its user",
     "AGENTS.md AGENTS.*.md AGENT.md CLAUDE.md CLAUDE.*.md GEMINI.md QWEN.md CODEX.md CRUSH.md "
     "WARP.md COPILOT.md JULES.md SKILL.md .rules copilot-instructions.md *.instructions.md "
     "*.prompt.md *.chatmode.md *.mdc"},
    {kHeld, "the system or the desktop starts it, or obeys it, at the next sign-in",
     ".config/systemd/ .config/environment.d/ .config/autostart/ .xprofile .xsessionrc .xinitrc "
     ".pam_environment .config/git/ .config/nvim/"},
    {kHeld, "decides what a sandbox allows",
     "ambit.toml .ambit/ ambit/config.toml ambit/policy.toml .ai-jail .srt-settings.json fence.json .fence.json"},
    {kHeld, "a CI service runs it with the project's secrets",
     ".github/ .gitlab/ .gitlab-ci* *.gitlab-ci.y*ml .gitea/ .forgejo/ .circleci/ Jenkinsfile* "
     "*.jenkinsfile .jenkins/ azure-pipelines* .azure-pipelines*/ .azuredevops/ .pipelines/ "
     "bitbucket-pipelines.y*ml .travis.y*ml .travis/ appveyor.y*ml .appveyor.y*ml .appveyor/ "
     ".drone.* .woodpecker*/ .woodpecker.* .buildkite/ .cirrus.* .semaphore/ .teamcity/ "
     "wercker.yml codefresh.y*ml .codefresh/ .build.yml .builds/ cloudbuild.y*ml buildspec*.y*ml "
     ".tekton/ .harness/ .prow.yaml .taskcluster.yml screwdriver.yaml .space.kts bitrise.yml "
     "codemagic.yaml"},
    {kHeld, "a service acts on it after a push",
     "netlify.toml .netlify/ vercel.json .vercel/ render.yaml .platform.app.yaml .platform/ "
     ".readthedocs.y*ml renovate.json* .renovaterc* .mergify.yml .mergify/ .coderabbit.y*ml "
     ".sourcery.y*ml"},
    {kHeld, "a package manager obeys it: other sources, credentials, programs",
     ".npmrc .yarnrc .yarnrc.y*ml .yarn/ .pnp.* .pnpmfile.* pnpmfile.* package.json5 package.yaml "
     "binding.gyp bunfig.toml .bunfig.toml .pypirc pip.conf pip.ini uv.toml .condarc .cargo/ "
     ".gemrc .bundle/ .mvn/ gradle/wrapper/ .gradle/ nuget.config nuget.*.config "
     ".config/dotnet-tools.json .netrc _netrc .terraformrc .terraform/ .swiftpm/"},
    {kHeld, "names the programs that a tool starts in this directory",
     "rust-toolchain rust-toolchain.toml"},
    {kHeld, "a file manager or the system acts on it when the directory is seen",
     "*.desktop .directory desktop.ini autorun.inf *.lnk *.scf *.url *.library-ms *.search-ms"},
    {kHeld, "a web server obeys it as soon as it is there",
     ".htaccess web.config"},
    {kShown, "runs when somebody builds",
     "Makefile Makefile.* GNUmakefile BSDmakefile *.mk *.mak CMakeLists.txt *.cmake "
     "CMakePresets.json CMakeUserPresets.json meson.build meson_options.txt meson.options "
     "build.ninja justfile .justfile *.just Taskfile.y*ml Rakefile *.rake SConstruct SConscript "
     "wscript waf WORKSPACE WORKSPACE.* MODULE.bazel* BUILD BUILD.bazel *.bzl .bazelrc BUCK "
     ".buckconfig configure configure.ac configure.in autogen.sh bootstrap.sh build.sh build.xml "
     "build.gradle* settings.gradle* gradle.properties gradlew gradlew.bat mvnw mvnw.cmd "
     "build.sbt project/*.scala build.zig Earthfile dagger.json *.csproj *.fsproj *.vbproj "
     "*.vcxproj *.props *.targets *.podspec Podfile Fastfile flake.nix shell.nix default.nix dune "
     "dune-project Setup.hs *.cabal mix.exs rebar.config* project.clj deps.edn Package.swift "
     "Vagrantfile Procfile* Tiltfile"},
    {kShown, "runs when somebody tests",
     "conftest.py noxfile.py tox.ini pytest.ini .rspec .mocharc* phpunit.xml*"},
    {kShown, "a tool runs it as code or takes programs from it",
     "setup.py setup.cfg gulpfile.* Gruntfile.* *.config.js *.config.cjs *.config.mjs *.config.ts "
     "*.config.mts *.config.cts .babelrc* .swcrc Dangerfile Guardfile Capfile config.ru "
     "fabfile.py ansible.cfg mypy.ini .mypy.ini pyrightconfig.json tsconfig*.json jsconfig.json "
     ".tool-versions .nvmrc .node-version .python-version .ruby-version .java-version .sdkmanrc "
     ".swift-version .terraform-version global.json go.work turbo.json nx.json lerna.json"},
    {kShown, "names what is installed and run for a build",
     "package.json package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.y*ml "
     "pnpm-workspace.y*ml bun.lock* deno.json* deno.lock pyproject.toml requirements*.txt "
     "constraints*.txt Pipfile Pipfile.lock poetry.lock uv.lock environment.y*ml Cargo.toml "
     "Cargo.lock go.mod go.sum Gemfile gems.rb Gemfile.lock *.gemspec composer.json composer.lock "
     "pom.xml ivy.xml *.versions.toml Cartfile pubspec.y*ml pubspec.lock conanfile.* vcpkg.json "
     "stack.yaml flake.lock"},
    {kShown, "runs when somebody builds an image or starts services",
     "Dockerfile* *.Dockerfile Containerfile* docker-compose* compose.y*ml compose.*.y*ml "
     "docker-bake.* skaffold.y*ml Chart.yaml kustomization.y*ml *.tf *.tfvars serverless.y*ml "
     "fly.toml"},
    {kShown, "becomes the environment of programs that read it",
     ".env .env.* .flaskenv"},
    {kShown, "programs of dependencies, which scripts and editors run",
     "node_modules/"},
};
// clang-format on

std::vector<GateRule> Flattened() {
  std::vector<GateRule> rules;
  for (const Group& group : kGroups) {
    std::string_view rest = group.patterns;
    while (!rest.empty()) {
      const std::string_view pattern = rest.substr(0, rest.find(' '));
      rules.push_back({pattern, group.verdict, group.reason});
      rest.remove_prefix(std::min(pattern.size() + 1, rest.size()));
    }
  }
  return rules;
}

}  // namespace

std::span<const GateRule> GateRules() {
  static const std::vector<GateRule> kRules = Flattened();
  return kRules;
}

}  // namespace ambit::review
