"""Writes docs/cli.md from the program's own --help."""

import re
import subprocess
from pathlib import Path

HEAD = """# The command line

Made from `factory --help` by an item of this repository's own queue; do not edit it by hand.

Exit codes: 0 done, 1 something a person must look at, 2 usage, 3 the policy or the repository cannot be used,
4 busy (another orchestrator, or a merge or rebase in progress), 130 interrupted
(`run`, which ends in no other way: 0).
"""


def help_of(*words: str) -> str:
    """What a command says of itself."""
    return subprocess.run(["factory", *words, "--help"], capture_output=True, text=True, check=True).stdout.rstrip()


def main() -> None:
    """Write the page."""
    overview = help_of()
    names = re.findall(r"^  ([a-z]+)  +[A-Z]", overview.split("Commands:")[1], re.MULTILINE)
    parts = [HEAD, f"```\n{overview}\n```\n"]
    parts += [f"## factory {name}\n\n```\n{help_of(name)}\n```\n" for name in names]
    Path("docs/cli.md").write_text("\n".join(parts))


main()
