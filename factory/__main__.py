"""The program's entry, and the one boundary at which errors become sentences and exit codes."""

import os
import sys

from factory.cli.log_guard import guard_output, host_of
from factory.cli.program import run


def main() -> None:
    """Run the command line and exit."""
    _have_standard_streams()
    if host := host_of(os.environ):
        guard_output(host)
    sys.exit(run(sys.argv[1:]))


def _have_standard_streams() -> None:
    """Where one was closed, the next file to be opened would take its number, and get what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


if __name__ == "__main__":
    main()
