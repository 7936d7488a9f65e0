"""Instruments: what a check or a seat runs is seen in its argv, so that nobody quietly changes what judges them."""

import pytest

from factory.model.instruments import named

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
    "what to look for": (["grep", "-q", "-f", "ci/patterns", "one.txt"], "ci/patterns"),
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
    "what is compared with the commit": (["sh", "-c", "python3 ci/x.py && git diff --exit-code -- a.md"], "a.md"),
    "what a linter reads": (["uv", "run", "python", "-m", "mypy", "src/gcd.py"], "src/gcd.py"),
    "what linters of a shell read": (["sh", "-c", "ruff check six.py && prettier -c web/a.js"], "six.py"),
    "what code speaks of": (["python3", "-c", "print(open('one.txt').read())", '{"path": "one.txt"}'], "one.txt"),
    "the end of a longer path": (["sh", "x.sh"], "other/x.sh"),
    "the beginning of a longer name": (["sh", "x.sh"], "x.sh.txt"),
    "another program's settings": (["python3", "-m", "unittest"], "Makefile"),
}


@pytest.mark.parametrize("what", NOT_NAMED)
def test_a_file_that_no_argv_runs_is_not_named(what: str) -> None:
    argv, path = NOT_NAMED[what]
    assert named([tuple(argv)], [path]) == {}


def test_what_names_a_file_is_told_as_it_stands_in_the_argv() -> None:
    assert named([("sh", "-c", "./x.sh"), ("make",)], ["x.sh", "Makefile"]) == {"x.sh": "./x.sh", "Makefile": "make"}
