"""Lets `python -m factory.workers.repair` do what `factory-repair` does."""

import sys

from factory.workers.repair.command import main

if __name__ == "__main__":
    sys.exit(main())
