"""What a person does in any instant in which the merge train lands counts first, and the rest lands; simulated.

A sample of the instants. `python -m tests.simulation instants` plays every one.
"""

import pytest

from tests.simulation.instants import ACTS, MODES, instants, wrong

_STRIDE = 149  # operations


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("act", ACTS)
def test_what_a_person_does_as_a_train_lands_counts_first_and_the_rest_lands(act: str, mode: str) -> None:
    for instant in instants(act, mode, _STRIDE):
        assert wrong(instant) == [], instant
