"""Unasked: what a program reads without being told, and which then decides what it does."""

_PYTHON = ("**/setup.cfg", "**/pyproject.toml")
_PYTEST = (
    *("**/conftest.py", "**/pytest.ini", "**/.pytest.ini", "**/pytest.toml", "**/.pytest.toml"),
    *("**/tox.ini", *_PYTHON),
)
_NODE = ("**/package.json", "**/.npmrc", "**/*.config.*", "**/.*rc", "**/.*rc.*", "**/node_modules/**")
_BAZEL = ("**/BUILD", "**/BUILD.bazel", "**/WORKSPACE*", "**/MODULE.bazel", "**/*.bzl", "**/.bazelrc")
_DOTNET = (
    *("**/*.csproj", "**/*.fsproj", "**/*.vbproj", "**/*.sln", "**/*.slnx", "**/*.props", "**/*.targets"),
    *("**/Directory.Build.*", "**/*.runsettings", "**/global.json", "**/nuget.config", "**/NuGet.Config"),
)
_PHP = ("**/phpunit.xml", "**/phpunit.xml.dist", "**/phpunit.dist.xml", "**/composer.json", "**/Pest.php")
READ_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("make", "gmake", "bmake"), ("**/Makefile", "**/makefile", "**/GNUmakefile", "**/*.mk")),
    **dict.fromkeys(("pytest", "py.test"), _PYTEST),
    "tox": (*_PYTEST, "**/tox.toml"),
    "nox": ("**/noxfile.py", *_PYTEST),
    "coverage": ("**/.coveragerc", "**/.coveragerc.toml", "**/tox.ini", *_PYTHON),
    "behave": ("**/environment.py", "**/behave.ini", "**/.behaverc", "**/tox.ini", *_PYTHON),
    "nose2": ("**/unittest.cfg", "**/nose2.cfg", *_PYTHON),
    **dict.fromkeys(("uv", "poetry", "pdm", "hatch"), (*_PYTHON, "**/uv.toml", "**/hatch.toml", "**/pdm.toml")),
    **dict.fromkeys(("ruff", "black", "isort", "pylint"), (*_PYTHON, "**/ruff.toml", "**/.ruff.toml", "**/.pylintrc")),
    **dict.fromkeys(
        ("mypy", "pyright", "flake8"), (*_PYTHON, "**/mypy.ini", "**/.mypy.ini", "**/.flake8", "**/tox.ini")
    ),
    "pre-commit": ("**/.pre-commit-config.yaml",),
    **dict.fromkeys(("npm", "npx", "yarn", "pnpm"), _NODE),
    "bun": (*_NODE, "**/bunfig.toml"),
    "deno": (*_NODE, "**/deno.json", "**/deno.jsonc"),
    **dict.fromkeys(("nx", "turbo", "lerna"), (*_NODE, "**/nx.json", "**/project.json", "**/turbo.json")),
    **dict.fromkeys(("jest", "vitest", "mocha", "ava", "eslint", "prettier", "tsc"), (*_NODE, "**/tsconfig*.json")),
    **dict.fromkeys(("cypress", "playwright", "karma", "tap", "jasmine"), (*_NODE, "**/jasmine.json", "**/karma.*")),
    "cargo": ("**/Cargo.toml", "**/build.rs", "**/.cargo/**", "**/.config/nextest.toml", "**/rust-toolchain*"),
    **dict.fromkeys(("go", "gotestsum"), ("**/go.mod", "**/go.work", "**/vendor/modules.txt")),
    "just": ("**/justfile", "**/Justfile", "**/.justfile"),
    "task": ("**/Taskfile.*",),
    **dict.fromkeys(("rake", "bundle", "rspec"), ("**/Rakefile", "**/Gemfile", "**/.rspec", "**/spec_helper.rb")),
    **dict.fromkeys(
        ("gradle", "gradlew"), ("**/*.gradle", "**/*.gradle.kts", "**/gradle.properties", "**/buildSrc/**")
    ),
    **dict.fromkeys(("mvn", "mvnw"), ("**/pom.xml", "**/.mvn/**")),
    "ant": ("**/build.xml",),
    "sbt": ("**/*.sbt", "**/project/*.scala", "**/project/build.properties"),
    **dict.fromkeys(("lein", "clojure", "clj"), ("**/project.clj", "**/deps.edn")),
    **dict.fromkeys(("cmake", "ctest"), ("**/CMakeLists.txt", "**/*.cmake", "**/CMakePresets.json")),
    "meson": ("**/meson.build", "**/meson_options.txt", "**/meson.options"),
    "ninja": ("**/*.ninja",),
    "scons": ("**/SConstruct", "**/SConscript"),
    **dict.fromkeys(("bazel", "bazelisk", "buck2"), (*_BAZEL, "**/BUCK", "**/.buckconfig")),
    "pants": (*_BAZEL, "**/pants.toml"),
    **dict.fromkeys(("dotnet", "msbuild"), _DOTNET),
    **dict.fromkeys(("phpunit", "pest", "composer", "artisan"), _PHP),
    "mix": ("**/mix.exs", "**/config/*.exs", "**/test_helper.exs"),
    "rebar3": ("**/rebar.config", "**/rebar.config.script"),
    **dict.fromkeys(("swift", "xcodebuild"), ("**/Package.swift", "**/*.xcodeproj/**", "**/*.xctestplan")),
    **dict.fromkeys(("stack", "cabal"), ("**/*.cabal", "**/package.yaml", "**/stack.yaml", "**/cabal.project*")),
    "dune": ("**/dune", "**/dune-project", "**/dune-workspace"),
    "zig": ("**/build.zig", "**/build.zig.zon"),
    **dict.fromkeys(("dart", "flutter"), ("**/pubspec.yaml", "**/dart_test.yaml", "**/build.yaml")),
    "prove": ("**/.proverc",),
    "invoke": ("**/tasks.py",),
}

# What Python runs of itself wherever it finds it, in place of what it was told to or before that; and nobody's product.
READ_BY_PYTHON = (
    *("**/*.egg-info", "**/*.egg-info/**", "**/*.dist-info/**", "**/*.egg-link", "**/*.pth", "**/site-packages/**"),
    *("**/sitecustomize.*", "**/sitecustomize/**", "**/usercustomize.*", "**/usercustomize/**", "**/pyvenv.cfg"),
    *("**/__pycache__/**", "**/*.pyc"),
)
