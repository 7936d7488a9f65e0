"""Templates: what a contract or a prompt asks for in them is bounded, and costs nobody else anything."""

import time

import pytest

from factory.execution.prompts.prompt import TemplateProblem, render
from factory.model.failure import FailureClass
from factory.store.helper import Helper
from tests.world import World

pytestmark = pytest.mark.slow  # it starts processes

DOUBLED = (
    "{% set all = namespace(s='x') %}{% for i in range(60) %}{% set all.s = all.s ~ all.s %}{% endfor %}{{ all.s }}"
)
EXCESSIVE = [
    '{{ "a" * 10000000000 }}',
    DOUBLED,
    "{{ 9**(9**9) }}",
    "{{ 'a'|center(10000000000) }}",
    "{{ '%10000000000d' % 1 }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for c in item.text %}{{ item.text }}{% endfor %}",
]


@pytest.mark.parametrize("text", EXCESSIVE)
def test_a_template_that_asks_for_more_than_there_is_is_a_problem(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(TemplateProblem, match=r"^the prompt"):
        render(text, {"item": {"text": "x" * 50_000}}, "the prompt")
    assert time.monotonic() - began < 40
    # and the next one is rendered as ever
    assert render("{% set a = 1 + 1 %}{{ a }}", {}, "the prompt") == "2"


def test_the_templates_that_most_people_write_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Helper, "ask", None)
    text = "{{ item.title | upper }}{% if findings %}{% for each in findings %} {{ each.id }}{% endfor %}{% endif %}\n"
    assert render(text, {"item": {"title": "t"}, "findings": [{"id": "F1"}, {"id": "F2"}]}, "x") == "T F1 F2\n"


@pytest.mark.parametrize("text", ["{{ nothing }}", "\n{{ nothing() }}"])
def test_what_is_wrong_is_said_with_its_line_wherever_it_is_rendered(text: str) -> None:
    with pytest.raises(TemplateProblem) as raised:
        render(text, {}, "the prompt")
    assert raised.value.message == f"the prompt, line {1 + text.count(chr(10))}: 'nothing' is undefined"


def test_an_item_under_such_a_contract_is_blocked_and_the_others_go_on(world: World) -> None:
    world.contract("huge", worker={"run": ["factory-scripted", '{{ "a" * 10000000000 }}']})
    world.item("bad", contract="huge")
    world.item("good")
    world.tick()
    assert world.lane("good") == "done"
    assert world.lane("bad") == "blocked"
    assert world.last("bad").failure is FailureClass.CONFIG
    assert "worker.run[1]" in (world.last("bad").reason or "")
