"""Commands: the words of an argv, those of the scripts within it too, and what they are to Python."""

import re
from collections.abc import Iterator, Sequence

from factory.model.base import Argv

# These only look at what they are given: a check that is made of them is about that file, and does not run it.
_LOOKS = frozenset(
    {*("test", "[", "[[", "grep", "egrep", "fgrep", "ls", "stat", "cat", "head", "tail", "wc", "rev", "sort", "uniq")}
    | {*("tr", "cut", "file", "echo", "printf", "touch", "mkdir", "true", "false", ":", "exit", "git diff", "git grep")}
    | {*("ruff", "black", "isort", "pylint", "flake8", "mypy", "pyright", "py_compile", "compileall", "codespell")}
    | {*("eslint", "prettier", "tsc", "gofmt", "shellcheck", "markdownlint", "mdformat", "yamllint", "clang-format")}
)
_BEFORE_A_COMMAND = frozenset(
    {*("!", "if", "then", "elif", "else", "do", "while", "until", "{", "exec", "command", "env")}
    | {*("uv", "uvx", "run", "npx", "bunx", "poetry", "pdm", "hatch", "pipx", "pipenv")}
)
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "busybox", "fish"})
_SCRIPT = re.compile(r"[\s;|&()`]")
_PIPELINES = re.compile(r"(?:;|\|\||&|\n|\(|\)|`)+")
_WITHOUT_EFFECT = re.compile(r"\d*>+\s*/dev/null\b|\d*>&\s*\d")
_HANDS_ON = re.compile(r"\$\(|`|[<>]")
_LOOKED_FOR = re.compile(r"-[A-Za-z]*f|--file")  # a file that tells grep what to look for
_SEPARATORS = re.compile(r"""[\s'"<>={},:;|&()`\[\]]+|\$\{?\w+\}?""")
_RUN_BY_CODE = re.compile(
    r"\b(?:import|from)\s+([\w.]+(?:\s*,\s*[\w.]+)*)|([\w./-]+\.(?:py|sh|[cm]?js|ts|rb|pl|php)\b)|require\(['\"]([^'\"]+)"
)
# Python, its tools, and what may start them without saying so: task runners and scripts.
_STARTS_PYTHON = re.compile(
    r"(python|pypy)[\d.]*|py|pytest|py\.test|tox|nox|coverage|hatch|nose2|trial|behave|stestr|uv|poetry|pdm|pipenv"
    r"|g?make|bmake|just|task|invoke|rake|ninja|meson|ctest|bazel|pre-commit|\S+\.(py|sh|bash)"
)
_MODULE = re.compile(r"(?<!\S)-[A-Za-z]*m[\s'\"]*([A-Za-z_][\w.]*)")


def words(argv: Argv) -> Iterator[str]:
    """Every word that may name a file: each element, and what those run that are scripts themselves."""
    if _only_looks(argv):
        yield from _program_alone(argv)
        return
    shell = any(program(element) in _SHELLS for element in argv)
    for element in argv:
        yield element
        if not _SCRIPT.search(element):
            yield from filter(None, _SEPARATORS.split(element))
        elif not shell:  # code may well speak of files that it does not run
            yield from (word for found in _RUN_BY_CODE.findall(element) for word in re.split(r"[\s,]+", "".join(found)))
        if shell:
            yield from _words_of_script(element)


def _words_of_script(script: str) -> Iterator[str]:
    """The words of what a shell is given, less the arguments of what only looks and hands on nothing."""
    script = _WITHOUT_EFFECT.sub(" ", script)
    pipelines = [[part.split() for part in each.split("|")] for each in _PIPELINES.split(script.replace("|&", "|"))]
    # What begins with a quotation mark goes on with the word before a substitution: `test "$(ls)" = a`.
    find_edits = [all(part[:1] in (['"'], ["'"]) or _only_looks(part) for part in pipeline) for pipeline in pipelines]
    # What looks may hand on what it sees: in a pipe (`cat x.sh | sh`), `$(…)`, or a file.
    handed_on = bool(_HANDS_ON.search(script)) and not all(find_edits)
    for pipeline, only_looks in zip(pipelines, find_edits, strict=True):
        for command in pipeline:
            if only_looks and not handed_on:
                yield from _program_alone(command)
            else:
                yield from filter(None, _SEPARATORS.split(" ".join(command)))


def _only_looks(command: Sequence[str]) -> bool:
    """Whether a command is one of those that run nothing of what they are given."""
    own = command[_start(command) :] or [":"]
    name = program(own[0])
    looks = name in _LOOKS or " ".join([name, *own[1:2]]) in _LOOKS
    greps = name.endswith("grep") or own[1:2] == ["grep"]
    return looks and not (greps and any(map(_LOOKED_FOR.match, own)))


def _program_alone(command: Sequence[str]) -> Sequence[str]:
    """A command without what its program is given; the program's settings count all the same."""
    return command[: _start(command) + 1]


def _start(command: Sequence[str]) -> int:
    """Where the program stands in a command, after what only leads to it."""
    start = 0
    while start < len(command):
        word = program(command[start])
        if word.startswith("python") and [*command[start + 1 : start + 2]] == ["-m"]:
            start += 2
        elif word in _BEFORE_A_COMMAND or re.match(r"\w+=", word):
            start += 1
        else:
            break
    return start


def program(word: str) -> str:
    """The program that a word is, wherever it lies."""
    return word.rpartition("/")[2]


def starts_python(argv: Argv) -> str:
    """The word of an argv that is Python, or that may start it; empty when there is none."""
    return next((word for word in words(argv) if _STARTS_PYTHON.fullmatch(program(word))), "")


def modules(argv: Argv) -> list[str]:
    """The modules that an argv has Python run: `-m ci.check`."""
    return _MODULE.findall(" ".join(argv))
