"""Prompts in Liquid, as Symphony's are, and what they are given (docs/symphony.md)."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue

from factory.execution.prompts.liquid_prompt import flaw
from factory.execution.prompts.prompt import TemplateProblem, render
from factory.execution.request import VARIABLES, RunRequest
from factory.model.contract import Contract
from factory.model.failure import FailureClass
from factory.model.item import Item
from factory.store.library import read_workflow
from tests.test_symphony_load import policy, workflow
from tests.world import World

START = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
CONTRACT = Contract.model_validate_json('{"purpose": "p", "worker": {"run": ["true"]}}')
ITEM = Item(title="Mend it", description="Two\nlines", labels=(" Bug", "UI", "bug"), priority=2, depends_on=("b",))
LIQUID = "branch: main\ntemplate: liquid\nroutes: [{contract: scripted}]"


def order(run: int = 1, item: Item = ITEM, front: str = "template: liquid") -> RunRequest:
    return RunRequest(
        "abc-1", item, "c", CONTRACT, policy(front), "", run, 1, "", "", created_at=START, blocked_by=(("b", "done"),)
    )


def liquid(text: str, run: int = 1, item: Item = ITEM) -> str:
    return render(text, order(run, item).variables(), "the prompt", liquid=True)


def prompt(world: World, body: str) -> None:
    world.write("WORKFLOW.md", f"---\n{LIQUID}\n---\n{body}\n")
    world.commit("A prompt in Liquid")


@pytest.mark.parametrize(
    ("text", "comes"),
    [
        ("{{ issue.identifier }}: {{ issue.title }}", "abc-1: Mend it"),
        ("{{ issue.labels }}|{{ issue.labels | join: ', ' }}", "bugui|bug, ui"),
        ("[{{ issue.url }}{{ attempt }}{{ issue.assignee_id }}]", "[]"),
        ("{% if attempt %}again{% else %}first{% endif %}", "first"),
        ("{% unless issue.url %}none{% endunless %}", "none"),
        ("{% case issue.priority %}{% when 1 %}now{% when 2 %}soon{% endcase %}", "soon"),
        ("{% for each in issue.blocked_by %}{{ each.identifier }}={{ each.state }} {% endfor %}", "b=done "),
        ("{% for each in issue.labels %}{{ forloop.index }}{{ each }}{% endfor %}", "1bug2ui"),
        ("{{ issue.title | upcase | truncate: 4, '' }}", "MEND"),
        ("{{ issue.url | default: 'nowhere' }}", "nowhere"),
        ("{% assign n = issue.labels | size %}{{ n | plus: 1 }}", "3"),
        ("{% if issue.labels contains 'bug' and issue.priority < 3 %}urgent{% endif %}", "urgent"),
        ("{{ issue.labels[0] }} {{ issue.labels.first }} {{ issue['title'] | split: ' ' | last }}", "bug bug it"),
        ("a{%- if true -%} b {%- endif -%} c", "abc"),
        ("{% comment %}{{ nobody }}{% endcomment %}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ issue.description | newline_to_br | strip_newlines }}", "Two<br />lines"),
        ("{{ issue.created_at }}|{{ issue.dispatchable }}|{{ issue.native_ref }}", "2026-11-21T10:00:00Z|true|"),
        ("{{ issue.branch_name }} {{ issue.state }} {{ issue.id }}", "factory/abc-1 inbox abc-1"),
    ],
)
def test_liquid_is_filled_in_as_symphony_does(text: str, comes: str) -> None:
    assert liquid(text) == comes
    assert flaw(text, VARIABLES) is None


def test_what_an_item_says_is_never_a_template_itself() -> None:
    hostile = Item(title="{{ issue.id }} {% raw %}", description="{% include '/etc/passwd' %}")
    assert liquid("{{ issue.title }}{{ issue.description }}", item=hostile) == f"{hostile.title}{hostile.description}"


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("fine\n{{ issue.nothing }}", 2, "issue.nothing is undefined"),
        ("{{ nobody }}", 1, "'nobody' is undefined"),
        ("fine\n\n{% if issue.nothing %}x{% endif %}", 3, "issue.nothing is undefined"),
        ("fine\n{{ issue.title | shout }}", 2, "unknown filter 'shout'"),
        ("fine\n{% if attempt %}\nnever ended", 3, "expected tag endif"),
        ("fine\n{% bogus %}", 2, "unexpected tag 'bogus'"),
        ("fine\n{% render 'other' %}", 2, "other"),
        ("fine\n{{ issue.title | truncate: nobody }}", 2, "'nobody' is undefined"),
    ],
)
def test_an_unknown_variable_filter_or_tag_fails_the_run_and_names_the_line(
    world: World, body: str, line: int, said: str
) -> None:
    prompt(world, body)
    world.item("one")
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.failure) == ("blocked", FailureClass.CONFIG)
    assert str(last.reason).startswith(f"the prompt, line {line}: {said}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("fine\n{{ issue.titel }}", "WORKFLOW.md:7:1: is not a template that can be used: 'issue' has no 'titel'; did"),
        ("{{ isue.title }}", "WORKFLOW.md:6:1: is not a template that can be used: there is no 'isue'; did you mean"),
        ("fine\n{{ issue.title | shout }}", "WORKFLOW.md:7:1: is not a template that can be used: no filter is called"),
        ("\n{% if attempt %}", "WORKFLOW.md:7:1: is not a template that can be used: expected tag endif"),
    ],
)
def test_check_finds_it_before_any_run(world: World, body: str, said: str) -> None:
    prompt(world, body)
    assert said in world.factory("check", status=1)


def test_a_prompt_in_liquid_that_nobody_calls_so_is_told_what_to_say(world: World) -> None:
    world.write("WORKFLOW.md", "---\nroutes: []\n---\n{% unless attempt %}{{ issue.title | upcase }}{% endunless %}\n")
    assert "it is one in Liquid: say template: liquid" in world.factory("check", status=1)
    world.write("WORKFLOW.md", "---\nroutes: []\n---\n{{ nobody }}\n")
    assert "Liquid" not in world.factory("check", status=1)


@pytest.mark.parametrize(
    "hostile",
    [
        "{% for a in (1..100000000) %}{% for b in (1..100000000) %}{% endfor %}{% endfor %}",
        "{% for a in (1..10000000) %}{{ issue.title }}{{ issue.description }}{% endfor %}",
        "{% assign s = 'xxxxxxxxxx' %}{% for a in (1..64) %}{% assign s = s | append: s %}{% endfor %}{{ s }}",
    ],
    ids=["time", "length", "memory"],
)
def test_a_template_that_asks_for_too_much_is_ended(hostile: str) -> None:
    began = time.monotonic()
    with pytest.raises(TemplateProblem):
        liquid(hostile)
    assert time.monotonic() - began < 20
    assert liquid("{{ issue.title }}") == "Mend it"  # and nobody else pays for it


def test_the_prompts_of_contracts_stay_what_they_are(world: World) -> None:
    prompt(world, "{% unless attempt %}liquid{% endunless %}")
    world.write("contracts/prompts/own.md", "{{ item.title.upper() }}")
    world.commit("Its own")
    world.contract("own", worker={"run": ["factory-scripted"], "prompt": "contracts/prompts/own.md"})
    world.item("one")
    world.item("two", contract="own")
    world.tick()
    assert world.artifacts("one")["run-1/prompt.md"] == "liquid"
    assert world.artifacts("two")["run-1/prompt.md"].isupper()


def test_attempt_is_absent_at_first_and_then_a_number(world: World) -> None:
    prompt(world, "{% if attempt %}again {{ attempt }}{% else %}first{% endif %}")
    world.item("one", [{"exit": 1}], [{"write": {"path": "one.txt", "text": "1\n"}}])
    world.now = START
    world.tick()
    world.now += timedelta(minutes=1)
    world.tick()
    found = world.artifacts("one")
    assert (found["run-1/prompt.md"], found["run-2/prompt.md"]) == ("first", "again 1")


def test_the_issue_has_every_field_that_the_specification_names() -> None:
    issue: JsonValue = order().variables()["issue"]
    assert isinstance(issue, Mapping)
    expected: dict[str, JsonValue] = {
        "id": "abc-1",
        "native_ref": None,
        "identifier": "abc-1",
        "title": "Mend it",
        "description": "Two\nlines",
        "priority": 2,
        "state": "inbox",
        "branch_name": "factory/abc-1",
        "url": None,
        "assignee_id": None,
        "labels": ["bug", "ui"],
        "blocked_by": [{"id": "b", "identifier": "b", "state": "done"}],
        "dispatchable": True,
        "created_at": "2026-11-21T10:00:00Z",
        "updated_at": None,
    }
    assert {key: issue[key] for key in expected} == expected
    bare: JsonValue = order(item=Item(title="t")).variables()["issue"]
    assert isinstance(bare, Mapping) and bare["description"] is None and bare["priority"] is None


def test_an_empty_body_has_a_prompt_of_its_own_in_either_language() -> None:
    text = workflow("template: liquid", "").prompt
    assert render(text, order().variables(), "it", liquid=True) == render(text, order().variables(), "it")
    assert read_workflow(b"Only {{ issue.title }}\n").prompt == "Only {{ issue.title }}"
