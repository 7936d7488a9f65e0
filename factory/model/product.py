"""The product: which files of a repository are what is made, and which test, set up or explain it."""

from collections import Counter
from collections.abc import Mapping

from factory.model.globs import matches

TESTS = (
    *("**/test/**", "**/tests/**", "**/testdata/**", "**/fixtures/**", "**/__tests__/**", "**/spec/**"),
    *("**/__snapshots__/**", "**/e2e/**", "**/test_*", "**/*_test.*", "**/*_tests.*", "**/tests.*", "**/*.test.*"),
    *("**/*.spec.*", "**/*_spec.*", "**/*Test.java", "**/*Tests.cs", "**/conftest.py"),
)
CONFIGURATION = (
    *("**/.*", "**/.*/**", "**/*.toml", "**/*.cfg", "**/*.ini", "**/*.yaml", "**/*.yml", "**/*.lock", "**/*.mk"),
    *("**/*.config.*", "**/package*.json", "**/tsconfig*.json", "**/setup.py", "**/noxfile.py", "**/tasks.py"),
    *("**/Makefile", "**/makefile", "**/GNUmakefile", "**/justfile", "**/Rakefile", "**/Gemfile*", "**/Dockerfile*"),
    *(
        "**/CMakeLists.txt",
        "**/*.cmake",
        "**/meson.build",
        "**/*.gradle",
        "**/*.gradle.kts",
        "**/pom.xml",
        "**/build.rs",
    ),
    *("**/go.mod", "**/go.sum", "**/requirements*.txt", "**/MANIFEST.in", "**/py.typed"),
)
DOCUMENTATION = (
    *("**/*.md", "**/*.rst", "**/*.adoc", "**/*.txt", "**/*.html", "doc/**", "docs/**", "**/README*", "**/CHANGELOG*"),
    *("**/LICENSE*", "**/NOTICE*"),
)


def is_yardstick(path: str) -> bool:
    """Whether a file is a test, or a setting of what runs the tests."""
    return matches(path, TESTS) or matches(path, CONFIGURATION)


def share_of_yardsticks(lines: Mapping[str, int]) -> tuple[int, int]:
    """(lines of tests and their settings, all lines) of changed lines by path."""
    return sum(count for path, count in lines.items() if is_yardstick(path)), sum(lines.values())


def changed_lines(patch: bytes) -> Counter[str]:
    """How many lines a patch of git's adds and takes away, by path; of a file that it moves, by the new one."""
    found: Counter[str] = Counter()
    path, heading = "", False
    for line in patch.decode(errors="replace").split("\n"):
        if line.startswith("diff --git "):
            path, heading = "", True
        elif line.startswith("@@ "):
            heading = False
        elif heading and line.startswith(("--- ", "+++ ")):
            named = line[4:].rstrip("\t").strip('"')
            path = path if named == "/dev/null" else named.partition("/")[2]
        elif line[:1] in ("+", "-") and path and not heading:
            found[path] += 1
    return found


def made_by(patch: bytes) -> dict[str, bool]:
    """The paths that a patch without renames changes, and whether each is new."""
    found: dict[str, bool] = {}
    path = ""
    for line in patch.decode(errors="replace").split("\n"):
        if line.startswith("diff --git "):
            head = line.removeprefix("diff --git ")
            path = head[: (len(head) - 1) // 2].strip('"').removeprefix("a/")
            found[path] = False
        elif line.startswith("new file mode "):  # what files hold never begins a line
            found[path] = True
    return found
