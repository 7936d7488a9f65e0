"""How a Symphony user's WORKFLOW.md is loaded: what YAML it may be, and what of it counts (docs/symphony.md)."""

import pytest

from factory.model.errors import InvalidFile
from factory.model.policy import Policy, Workflow
from factory.store.library import read_workflow

BOMB = "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))


def workflow(front: str, body: str = "{{ item.title }}") -> Workflow:
    return read_workflow(f"---\n{front}\n---\n{body}\n".encode())


def policy(front: str) -> Policy:
    return workflow(front).policy


# What YAML allows


def test_only_what_is_for_others_to_read_keeps_its_nulls() -> None:
    found = policy(
        "tracker: {provider: {team: ~}}\nroutes: [{contract: a, when: ~}]\n"
        "cell: {shares: [.venv], setup: null}\ncodex: {turn_sandbox_policy: {type: x, y: null}}"
    )
    assert found.tracker.provider == {"team": None}
    assert found.codex.turn_sandbox_policy == {"type": "x", "y": None}
    assert (found.routes[0].when.labels, found.cell.shares, found.cell.setup) == ((), (".venv",), None)


def test_null_means_absent_wherever_a_key_may_be_left_out() -> None:
    nothing = "tracker:\npolling: {interval_ms: null}\nworkspace: ~\nhooks: {timeout_ms: null, before_run: null}\n"
    more = "agent: {max_turns: null, max_concurrent_agents_by_state: null}\ncodex: {command: null}\nreviewers: null"
    assert policy(nothing + more) == Policy()


def test_anchors_and_aliases_may_be_used() -> None:
    found = policy("hooks:\n  after_create: &script |\n    true\n  before_run: *script")
    assert found.hooks.after_create == found.hooks.before_run == "true\n"


@pytest.mark.parametrize("front", ["routes: &a [*a]", BOMB], ids=["of-itself", "ever-again"])
def test_aliases_that_unfold_without_an_end_are_an_error(front: str) -> None:
    with pytest.raises(InvalidFile, match=r"WORKFLOW.md:2:1: stands for more than 10000 values"):
        policy(front)


def test_a_mistake_below_an_alias_is_told_at_the_line_of_its_text() -> None:
    with pytest.raises(InvalidFile, match=r"WORKFLOW.md:2:13: limits.inbox: should be greater"):
        policy("x: &limits {inbox: 0}\nlimits: *limits")
