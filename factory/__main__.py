"""The program's entry, and the one boundary at which errors become sentences and exit codes."""

import sys

from factory.cli.program import run


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
