"""The endings of real agents that are brought about here, by name: what the model does, and under which contract."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.real_agents.model import Step

_QUESTION = 'I must know.\n```json\n{"status": "blocked", "question": "Which of the two?"}\n```'
_TOOLS: Mapping[str, Step] = {  # that each is not allowed to use; codex can be denied none where it is contained
    "claude": Step(run="echo right > a.txt"),
    "opencode": Step(tool="webfetch", given={"url": "http://127.0.0.1:9/", "format": "text"}),
}


@dataclass(frozen=True)
class Case:
    """What is brought about."""

    steps: tuple[Step, ...]
    stall_s: float = 0  # of silence that are waited for
    turns: int = 20
    minutes: float = 2
    tools: tuple[str, ...] = ()


_WORKS = Step("I write it.", run="echo right > a.txt")
CASES: Mapping[str, Case] = {
    "its key is wrong (401)": Case((Step(status=401, code="authentication_error", message="invalid x-api-key"),)),
    "too many requests (429)": Case((Step(status=429, code="rate_limit_error", message="slow down"),), stall_s=12),
    "a broken service (500)": Case((Step(status=500, code="api_error", message="internal error"),), stall_s=12),
    "a service that hangs": Case((_WORKS, Step(hang=True)), stall_s=6),
    "an answer that breaks off": Case((_WORKS, Step(cut=True)), stall_s=12, minutes=0.75),
    "a refusal": Case((Step("I will not.", refuse=True),)),
    "out of turns": Case((Step(run="true"),), turns=2),
    "a tool that it may not use": Case((Step(), Step("I could not.")), tools=("Read", "Bash(git status:*)")),
    "a question": Case((Step(_QUESTION),)),
    "it is killed": Case((Step(run="kill -9 $PPID; sleep 9"),), stall_s=12),
}


def steps_of(case: str, kind: str) -> tuple[Step, ...]:
    """What the model does for this program."""
    steps = CASES[case].steps
    return (_TOOLS[kind], *steps[1:]) if case == "a tool that it may not use" else steps
