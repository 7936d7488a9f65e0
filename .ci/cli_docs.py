"""Writes docs/cli.md from the program's own --help."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

HEAD = """# The command line

Made from `factory --help` by an item of this repository's own queue; do not edit it by hand.

Exit codes: 0 done, 1 something a person must look at, 2 usage, 3 the policy or the repository cannot be used,
4 busy (another orchestrator, a merge or rebase in progress, a remote that keeps moving or is silent), 130 interrupted
(`run`, which ends in no other way: 0).
"""


def help_of(*words: str) -> str:
    """What a command says of itself."""
    return subprocess.run(["factory", *words, "--help"], capture_output=True, text=True, check=True).stdout.rstrip()


def pages(*words: str) -> Iterator[str]:
    """What a command says of itself, and then each of its own commands."""
    said = help_of(*words)
    title = f"{'#' * (len(words) + 1)} factory {' '.join(words)}\n\n" if words else ""
    yield f"{title}```\n{said}\n```\n"
    for name in re.findall(r"^  ([a-z]+)  +[A-Z]", said.partition("Commands:")[2], re.MULTILINE):
        yield from pages(*words, name)


def main() -> None:
    """Write the page."""
    Path("docs/cli.md").write_text("\n".join([HEAD, *pages()]))


main()
