"""The project's own tests, as the documentation says that they are run."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


def test_they_say_how_many_passed_also_when_asked_to_be_quiet() -> None:
    asked = [sys.executable, "-m", "pytest", "-m", "fast", "-q", "-n0", "tests/test_layout.py"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    assert " passed in " in done.stdout.splitlines()[-1]
