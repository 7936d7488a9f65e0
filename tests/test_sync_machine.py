"""Three clones of one remote: whatever people, the factory and it do, nothing is lost, and nothing happens twice."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.sync_machine.machine import Clones
from tests.sync_machine.setting import of_length

pytestmark = pytest.mark.slow  # it starts processes
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")  # nothing of it in the repository

# `python -m tests.sync_machine` goes on for long.
Clones.TestCase.settings = settings(of_length(6, 30), derandomize=True)
test_nothing_is_lost_between_clones = Clones.TestCase
