"""The pull request: what a person puts into one for a branch that is left to them."""

import shlex

from factory.line.review.assess import Assessment
from factory.model.text import printable


def pull_request(assessment: Assessment) -> bytes:
    """What a person puts into the pull request for the branch that is left."""
    state = assessment.state
    assert state.item is not None
    checks = [f"- {printable(ran.name)}: `{printable(shlex.join(ran.run))}` passed" for ran in assessment.evidence.ran]
    lines = [
        f"# {printable(' '.join(state.item.title.split()))}",
        "",
        printable(state.item.description.strip()) or "(no description)",
        "",
        f"Branch `factory/{state.id}`, {assessment.decision.reason}.",
        f"Subject `{assessment.subject}`, round {state.history.round}, run {state.history.run}.",
        *(["", "## Checks", *checks] if checks else []),
    ]
    return "\n".join([*lines, ""]).encode()
