"""`python -m tests.golden record OUT [--python PY]` and `python -m tests.golden compare A B [--renamed FILE]`."""

import argparse
import sys
from pathlib import Path

from tests.golden.compare import differences, renames
from tests.golden.record import record

_RENAMED = Path(__file__).with_name("renamed.txt")


def main() -> int:
    """Record a version's story, or say in what two records differ; exit status 1 when they do."""
    asked = argparse.ArgumentParser(prog="python -m tests.golden")
    commands = asked.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="tell the story with a version of the factory, and write it down")
    recording.add_argument("out", type=Path)
    recording.add_argument("--python", type=Path, default=Path(sys.executable), help="whose `-m factory` tells it")
    comparing = commands.add_parser("compare", help="say in what the later record differs from the earlier one")
    comparing.add_argument("earlier", type=Path)
    comparing.add_argument("later", type=Path)
    comparing.add_argument("--renamed", type=Path, default=_RENAMED, help="messages that say the same in other words")
    chosen = asked.parse_args()
    if chosen.command == "record":
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(record(chosen.python.absolute()))
        return 0
    found = differences(chosen.earlier.read_text(), chosen.later.read_text(), renames(chosen.renamed.read_text()))
    sys.stdout.write("".join(f"{line}\n" for line in found) or "they tell the same story\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
