"""Instruments: the files by which a check or a seat can be made to say yes, as far as its argv names them."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from factory.model.base import Argv
from factory.model.paths import matches

_PYTEST = ("**/conftest.py", "**/pytest.ini", "**/.pytest.ini", "**/tox.ini", "**/setup.cfg", "**/pyproject.toml")
_PYTHON = ("**/setup.cfg", "**/pyproject.toml")
_NODE = ("**/package.json", "**/.npmrc", "**/*.config.*", "**/.*rc", "**/.*rc.*")
# What a program reads without being told, and which then decides what it does.
_READ_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("make", "gmake", "bmake"), ("**/Makefile", "**/makefile", "**/GNUmakefile", "**/*.mk")),
    **dict.fromkeys(("pytest", "py.test"), _PYTEST),
    "tox": _PYTEST,
    "nox": ("**/noxfile.py", *_PYTEST),
    **dict.fromkeys(("ruff", "black", "isort", "pylint"), (*_PYTHON, "**/ruff.toml", "**/.ruff.toml", "**/.pylintrc")),
    **dict.fromkeys(
        ("mypy", "pyright", "flake8"), (*_PYTHON, "**/mypy.ini", "**/.mypy.ini", "**/.flake8", "**/tox.ini")
    ),
    "pre-commit": ("**/.pre-commit-config.yaml",),
    **dict.fromkeys(("npm", "npx", "yarn", "pnpm", "bun", "deno"), _NODE),
    **dict.fromkeys(("jest", "vitest", "mocha", "ava", "eslint", "prettier", "tsc"), (*_NODE, "**/tsconfig*.json")),
    "cargo": ("**/Cargo.toml", "**/build.rs", "**/.cargo/**"),
    "just": ("**/justfile", "**/Justfile", "**/.justfile"),
    "task": ("**/Taskfile.*",),
    **dict.fromkeys(("rake", "bundle", "rspec"), ("**/Rakefile", "**/Gemfile", "**/.rspec")),
    **dict.fromkeys(("gradle", "gradlew"), ("**/*.gradle", "**/*.gradle.kts", "**/gradle.properties")),
    **dict.fromkeys(("mvn", "mvnw"), ("**/pom.xml",)),
    **dict.fromkeys(("cmake", "ctest"), ("**/CMakeLists.txt", "**/*.cmake", "**/CMakePresets.json")),
    "meson": ("**/meson.build",),
    "invoke": ("**/tasks.py",),
}
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
_SUFFIXES = (".py", ".js", ".mjs", ".cjs", ".ts", ".sh", "/__main__.py", "/index.js", "/main.go")

_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "busybox", "fish"})
_SCRIPT = re.compile(r"[\s;|&()`]")
_PIPELINES = re.compile(r"(?:;|\|\||&|\n|\(|\)|`)+")
_SEPARATORS = re.compile(r"""[\s'"<>={},:;|&()`\[\]]+|\$\{?\w+\}?""")
_RUN_BY_CODE = re.compile(
    r"\b(?:import|from)\s+([\w.]+(?:\s*,\s*[\w.]+)*)|([\w./-]+\.(?:py|sh|[cm]?js|ts|rb|pl|php)\b)|require\(['\"]([^'\"]+)"
)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def named(argvs: Iterable[Argv], paths: Iterable[str]) -> dict[str, str]:
    """Those of the paths with which one of the argvs could be made to end well, each with the word that names it.

    A path is named by a word that is it, by folders and a word together (`cd ci && ./x.sh`), as a module, by a shell's
    pattern, or because a program that is named reads it unasked, as `make` does its Makefile.
    """
    words: dict[str, str] = {}
    patterns: dict[str, str] = {}
    for word in dict.fromkeys(word for argv in argvs for word in _words(argv)):
        for place in _places(word):
            (patterns if set("*?") & set(place) else words).setdefault(place, word)
        patterns |= dict.fromkeys(_READ_BY.get(_program(word), ()), _program(word))
    found = {path: _word_for(path, words) or _pattern_for(path, patterns) for path in paths}
    return {path: word for path, word in found.items() if word}


def _words(argv: Argv) -> Iterator[str]:
    """Every word that may name a file: each element, and what those run that are scripts themselves."""
    if _only_looks(argv):
        yield from _program_alone(argv)
        return
    shell = any(_program(element) in _SHELLS for element in argv)
    for element in argv:
        yield element
        if not _SCRIPT.search(element):
            yield from filter(None, _SEPARATORS.split(element))
        elif not shell:  # code may well speak of files that it does not run
            yield from (word for found in _RUN_BY_CODE.findall(element) for word in re.split(r"[\s,]+", "".join(found)))
        for pipeline in _PIPELINES.split(element) if shell else ():
            commands = [command.split() for command in pipeline.split("|")]
            if all(map(_only_looks, commands)):
                yield from (word for command in commands for word in _program_alone(command))
            else:  # what only looks may feed a shell: `cat x.sh | sh`
                yield from filter(None, _SEPARATORS.split(pipeline))


def _only_looks(command: Sequence[str]) -> bool:
    """Whether a command is one of those that run nothing of what they are given."""
    own = command[_start(command) :] or [":"]
    name = _program(own[0])
    if name.endswith("grep") and any(word.startswith(("-f", "--file")) for word in own):
        return False  # a file tells it what to look for
    return name in _LOOKS or " ".join([name, *own[1:2]]) in _LOOKS


def _program_alone(command: Sequence[str]) -> Sequence[str]:
    """A command without what its program is given; the program's settings count all the same."""
    return command[: _start(command) + 1]


def _start(command: Sequence[str]) -> int:
    """Where the program stands in a command, after what only leads to it."""
    start = 0
    while start < len(command):
        word = _program(command[start])
        if word.startswith("python") and [*command[start + 1 : start + 2]] == ["-m"]:
            start += 2
        elif word in _BEFORE_A_COMMAND or re.match(r"\w+=", word):
            start += 1
        else:
            break
    return start


def _program(word: str) -> str:
    return word.rpartition("/")[2]


def _places(word: str) -> Iterator[str]:
    """The paths that a word may stand for."""
    for text in (word, word[2:] if re.match(r"-[A-Za-z]", word) else ""):
        place = re.sub(r"^(\.\./|/)+", "", posixpath.normpath(text)) if text else ""
        if place not in ("", ".", ".."):
            yield place
            yield from (place + suffix for suffix in _SUFFIXES if "." not in _program(place))
    if _MODULE.fullmatch(word):
        parts = word.split(".")
        for module in ("/".join(parts[:count]) for count in range(1, len(parts) + 1)):
            yield from (module + suffix for suffix in (".py", "/__main__.py", "/__init__.py"))


def _word_for(path: str, words: Mapping[str, str]) -> str:
    """The last of the words that make up a path between them; nothing when they do not."""
    parts = path.split("/")
    reached = {0: ""}
    for end in range(1, len(parts) + 1):
        for start in reached:
            word = words.get("/".join(parts[start:end]))
            if word is not None:
                reached[end] = word
                break
    whole = (word for place, word in words.items() if word.startswith("/") and place.endswith(f"/{path}"))
    return reached.get(len(parts), "") or next(whole, "")


def _pattern_for(path: str, patterns: Mapping[str, str]) -> str:
    return next((word for pattern, word in patterns.items() if matches(path, [pattern])), "")
