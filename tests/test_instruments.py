"""Instruments: what a check or a seat runs is seen in its argv, so that nobody quietly changes what judges them."""

import pytest

from factory.model.instruments import named
from factory.model.shadows import shadows

NAMED = {
    "a script": (["sh", "ci/check.sh"], "ci/check.sh"),
    "a script that is run itself": (["./check"], "check"),
    "a roundabout spelling": (["sh", ".//ci/../ci/check.sh"], "ci/check.sh"),
    "an absolute path": (["sh", "/home/ann/project/ci/check.sh"], "ci/check.sh"),
    "a shell's word": (["sh", "-c", "./x.sh"], "x.sh"),
    "a shell's word among others": (["bash", "-ec", "set -e; X=1 ./ci/x.sh --fast && true"], "ci/x.sh"),
    "a shell within a shell": (["sh", "-c", "sh -c './x.sh'"], "x.sh"),
    "a word after a variable": (["sh", "-c", 'sh "$PWD/ci/x.sh" "${HOME}/y"'], "ci/x.sh"),
    "a word after a folder": (["sh", "-c", "cd ci && ./x.sh"], "ci/x.sh"),
    "folders after one another": (["sh", "-c", "cd ci; cd deep; . ./x.sh"], "ci/deep/x.sh"),
    "a redirection": (["sh", "-c", "sh <ci/x.sh"], "ci/x.sh"),
    "what is fed to a shell": (["sh", "-c", "cat ci/x.sh | sh"], "ci/x.sh"),
    "a pattern": (["sh", "-c", "for f in ci/*.sh; do sh $f; done"], "ci/x.sh"),
    "a program around it": (["timeout", "60", "env", "A=1", "sh", "ci/x.sh"], "ci/x.sh"),
    "an option's value": (["tool", "--config=ci/tool.cfg"], "ci/tool.cfg"),
    "a short option's value": (["make", "-fci/rules"], "ci/rules"),
    "a test": (["python", "-m", "pytest", "-q", "tests/test_gcd.py"], "tests/test_gcd.py"),
    "one case of a test": (["pytest", "tests/test_gcd.py::test_zero"], "tests/test_gcd.py"),
    "a module": (["python3", "-m", "ci.check"], "ci/check.py"),
    "a module's case": (["python3", "-m", "unittest", "tests.test_gcd.Zero.test_it"], "tests/test_gcd.py"),
    "a package that is run": (["python3", "-m", "check"], "check/__main__.py"),
    "what would stand before the program itself": (["python3", "-m", "pytest", "-q"], "pytest.py"),
    "a package that would": (["python3", "-m", "pytest", "-q"], "pytest/__init__.py"),
    "a package that would in a shell": (["sh", "-c", "cd ci && python3 -Im unittest"], "ci/unittest/__init__.py"),
    "a package that is glued to its option": (["python3", "-mpytest"], "pytest/__init__.py"),
    "a plugin of Python's": (["python3", "-m", "pytest"], "x.egg-info/entry_points.txt"),
    "a plugin of Python's elsewhere": (["pytest"], "src/x-1.0.dist-info/entry_points.txt"),
    "a plugin for whoever starts Python": (["make", "test"], "x.egg-info/entry_points.txt"),
    "what Python begins with": (["python3", "ci/verify.py"], "src/sitecustomize.py"),
    "what Python begins with, as a package": (["sh", "ci/check.sh"], "usercustomize/__init__.py"),
    "what adds to Python's path": (["tox"], "lib/x.pth"),
    "what is compiled": (["python3", "-m", "ci.verify"], "ci/__pycache__/verify.cpython-312.pyc"),
    "an environment of Python's": (["uv", "run", "pytest"], ".venv/lib/python3.12/site-packages/pytest.py"),
    "an import": (["python3", "-c", "import ci.check; ci.check.main()"], "ci/check.py"),
    "what code runs": (["python3", "-c", "import runpy; runpy.run_path('ci/check.py')"], "ci/check.py"),
    "a module of node's": (["node", "-e", "require('./ci/check')"], "ci/check.js"),
    "a conftest": (["python", "-m", "pytest", "-q"], "tests/deep/conftest.py"),
    "a runner's settings": (["uv", "run", "pytest"], "pyproject.toml"),
    "a linter's settings": (["ruff", "check", "six.py"], "ruff.toml"),
    "a linter's settings in a shell": (["sh", "-c", "python3 -m mypy src"], "mypy.ini"),
    "a Makefile": (["make", "test"], "Makefile"),
    "a Makefile elsewhere": (["sh", "-c", "make -C sub test"], "sub/Makefile"),
    "what a Makefile includes": (["/usr/bin/make"], "rules.mk"),
    "a script of npm's": (["npm", "test"], "package.json"),
    "pytest's own settings": (["pytest"], "pytest.toml"),
    "pytest's hidden settings": (["python3", "-m", "pytest"], "sub/.pytest.toml"),
    "settings of tox": (["tox", "run"], "tox.toml"),
    "a module of go's": (["go", "test", "./..."], "go.mod"),
    "a workspace of go's": (["sh", "-c", "go vet ./... && go test ./..."], "go.work"),
    "a project of dotnet's": (["dotnet", "test"], "src/App/App.csproj"),
    "what all projects of dotnet's read": (["dotnet", "test"], "Directory.Build.props"),
    "settings of phpunit": (["vendor/bin/phpunit"], "phpunit.xml.dist"),
    "settings of mix": (["mix", "test"], "mix.exs"),
    "a build file of bazel's": (["bazel", "test", "//..."], "lib/BUILD"),
    "a workspace of bazel's": (["bazelisk", "test", "//..."], "WORKSPACE.bazel"),
    "what ninja builds": (["ninja", "test"], "build.ninja"),
    "a package of swift's": (["swift", "test"], "Package.swift"),
    "a program of node's": (["npx", "jest"], "node_modules/.bin/jest"),
    "what to look for": (["grep", "-q", "-f", "ci/patterns", "one.txt"], "ci/patterns"),
    "what to look for, among other letters": (["grep", "-qf", "ci/patterns", "one.txt"], "ci/patterns"),
    "what git looks for": (["sh", "-c", "git grep -f ci/patterns"], "ci/patterns"),
    "what is evaluated": (["sh", "-c", 'eval "$(cat ci/x.sh)"'], "ci/x.sh"),
    "what is put in for a command": (["sh", "-c", "`cat ci/cmd` one.txt"], "ci/cmd"),
    "what becomes a script": (["bash", "-c", 'sh -c "$(head -5 ci/x.sh)"'], "ci/x.sh"),
    "what is read as a file": (["bash", "-c", "source <(cat ci/x.sh)"], "ci/x.sh"),
    "what is piped with its errors": (["bash", "-c", "cat ci/x.sh |& sh"], "ci/x.sh"),
    "what is written elsewhere and run": (["sh", "-c", "cat ci/x.sh > /tmp/y && sh /tmp/y"], "ci/x.sh"),
    "a list of what is run": (["sh", "-c", "for f in $(cat ci/list); do sh $f; done"], "ci/list"),
    "a list that is read": (["sh", "-c", "while read f; do sh $f; done < ci/list"], "ci/list"),
}


@pytest.mark.parametrize("what", NAMED)
def test_a_file_that_an_argv_runs_is_named(what: str) -> None:
    argv, path = NAMED[what]
    assert list(named([tuple(argv)], [path, "product.py", "src/other/thing.py"])) == [path]


NOT_NAMED = {
    "a folder of tests": (["python", "-m", "pytest", "-q", "tests"], "tests/test_gcd.py"),
    "a folder that is looked at": (["mypy", "src"], "src/gcd/__init__.py"),
    "all files": (["ruff", "check", "."], "src/gcd.py"),
    "what is only looked at": (["grep", "-q", "good", "work.txt"], "work.txt"),
    "what is only looked at by a shell": (["sh", "-c", 'test "$(ls *.part | wc -l)" -le 1'], "a.part"),
    "what is looked at in silence": (["sh", "-c", "grep x work.txt >/dev/null 2>&1 && pytest -q tests"], "work.txt"),
    "what is compared with the commit": (["sh", "-c", "python3 ci/x.py && git diff --exit-code -- a.md"], "a.md"),
    "what a linter reads": (["uv", "run", "python", "-m", "mypy", "src/gcd.py"], "src/gcd.py"),
    "what linters of a shell read": (["sh", "-c", "ruff check six.py && prettier -c web/a.js"], "six.py"),
    "what code speaks of": (["python3", "-c", "print(open('one.txt').read())", '{"path": "one.txt"}'], "one.txt"),
    "the end of a longer path": (["sh", "x.sh"], "other/x.sh"),
    "the beginning of a longer name": (["sh", "x.sh"], "x.sh.txt"),
    "a folder's own package": (["python", "-m", "pytest", "--cov=click", "src/click"], "src/click/__init__.py"),
    "a plugin where nothing starts Python": (["go", "test", "./..."], "x.egg-info/entry_points.txt"),
    "code of go's": (["go", "test", "./..."], "cmd/main.go"),
    "another program's settings": (["python3", "-m", "unittest"], "Makefile"),
}


@pytest.mark.parametrize("what", NOT_NAMED)
def test_a_file_that_no_argv_runs_is_not_named(what: str) -> None:
    argv, path = NOT_NAMED[what]
    assert named([tuple(argv)], [path]) == {}


def test_what_names_a_file_is_told_as_it_stands_in_the_argv() -> None:
    assert named([("sh", "-c", "./x.sh"), ("make",)], ["x.sh", "Makefile"]) == {"x.sh": "./x.sh", "Makefile": "make"}


SHADOWS = {
    "a tool's own part": (["python3", "-m", "pytest", "-q"], "iniconfig.py"),
    "a part of the standard library": (["python3", "-m", "pytest", "-q"], "textwrap.py"),
    "a package that a tool loads": (["python3", "-m", "pytest", "-q"], "pluggy/__init__.py"),
    "a package that is compiled": (
        ["python3", "-m", "pytest", "-q"],
        "pluggy/__init__.cpython-312-x86_64-linux-gnu.so",
    ),
    "a tool's inner package": (["uv", "run", "pytest"], "_pytest/__init__.py"),
    "what code loads": (["python3", "-c", "import json; json.load(open('one.json'))"], "json.py"),
    "a library": (["python3", "-m", "unittest", "discover"], "argparse.abi3.so"),
    "beside a script": (["python3", "ci/verify.py"], "ci/json.py"),
    "beside a script without an ending": (["python3", "-u", "ci/verify"], "ci/json.py"),
    "beside a script of a shell": (["sh", "-c", "cd ci && python3 deep/verify.py"], "ci/deep/json.py"),
    "beside a script with its whole path": (["python3", "/home/ann/project/ci/verify.py"], "ci/json.py"),
    "where a shell goes": (["sh", "-c", "cd ci; python3 -m pytest"], "ci/iniconfig.py"),
    "where a variable leads": (["env", "PYTHONPATH=lib:src", "pytest"], "src/json.py"),
    "under a linter that Python starts": (["python3", "-m", "mypy", "src"], "typing_extensions.py"),
    "under a runner": (["make", "test"], "json.py"),
    "under a script": (["sh", "ci/check.sh"], "json.py"),
}


@pytest.mark.parametrize("what", SHADOWS)
def test_a_new_module_where_python_looks_first_is_seen(what: str) -> None:
    argv, path = SHADOWS[what]
    made = {path: True, "src/click/core.py": False, "src/click/more.py": True, "tests/test_more.py": True}
    assert list(shadows([tuple(argv)], made)) == [path]


RUNS = {
    "pytest": ["python3", "-m", "pytest", "-q"],
    "a test": ["pytest", "tests/test_click.py"],
    "tox": ["tox", "run", "-e", "py"],
    "make": ["make", "test"],
    "a script": ["python3", "ci/verify.py"],
    "a shell": ["sh", "-c", "PYTHONPATH=src python3 -m unittest discover -s tests"],
    "a linter": ["ruff", "check", "."],
}
ORDINARY: dict[str, dict[str, bool]] = {
    "a change of a package in src": {"src/click/core.py": False},
    "a module of a package in src": {"src/click/json.py": True, "tests/test_json.py": True},
    "a package within one in src": {"src/click/shell/__init__.py": True, "src/click/shell/bash.py": True},
    "a change of a package in the root": {"click/__init__.py": False, "click/core.py": False},
    "a module of a package in the root": {"click/json.py": True, "tests/test_json.py": True},
    "a change of a module in the root": {"six.py": False, "test_six.py": False},
    "a test in the root": {"six.py": False, "test_more.py": True},
    "tests that become a package": {"tests/__init__.py": True, "tests/test_more.py": True},
    "a module that becomes a package": {"six.py": False, "six/__init__.py": True, "six/moves.py": True},
    "documentation": {"docs/new.md": True, "docs/conf.py": False, "CHANGES.rst": False},
    "an example": {"examples/naval/naval.py": True, "examples/naval/README": True},
    "a script of the project's": {"scripts/release.py": True},
    "data": {"json.txt": True, "data/json.json": True},
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("what", ORDINARY)
def test_ordinary_work_is_in_nobodys_way(what: str, run: str) -> None:
    argvs = [tuple(RUNS[run])]
    assert shadows(argvs, ORDINARY[what]) == {}
    assert named(argvs, ORDINARY[what]) == {}


def test_what_only_looks_loads_nothing() -> None:
    assert shadows([("ruff", "check", "."), ("sh", "-c", "grep -q x json.py"), ("go", "test")], {"json.py": True}) == {}


def test_the_word_that_leads_to_a_new_module_is_told() -> None:
    assert shadows([("sh", "-c", "python3.12 -m pytest")], {"json.py": True}) == {"json.py": "python3.12"}
