"""Questions: what a worker asks is put before a person as a file, and their answers send it back to work."""

import json
from collections.abc import Callable

import pytest

from factory.model.journal import Entry
from tests.forger import Forger
from tests.terminal import Terminal
from tests.test_audit_honest import findings
from tests.world import World

PATH = "queue/blocked/one.answers.yaml"
FORMAT = {
    "id": "format",
    "text": "Which format?\nIt is kept.",
    "options": [{"id": "json", "text": "easy to compare"}, {"id": "yaml", "text": "people can comment\non it"}],
    "takes": "yaml",
    "why": "People edit it.",
}
NAME = {"id": "name", "text": "What is it called?"}
WORK = {"write": {"path": "a.txt", "text": "a\n"}}


def asks(*questions: object) -> dict[str, object]:
    return {"result": {"status": "blocked", "questions": list(questions)}}


def asked(world: World, *questions: object) -> None:
    """An item whose worker asks first."""
    world.item("one", [asks(*questions)], [WORK])
    world.tick()
    assert world.lane("one") == "blocked"


def answer(world: World, **decisions: str) -> None:
    """Edit the file as a person does: one line for each."""
    text = world.read(PATH)
    for key, decision in decisions.items():
        text = text.replace(f"  - id: {key}\n    decision:", f"  - id: {key}\n    decision: {decision}", 1)
    world.write(PATH, text)


def last(world: World) -> Entry:
    return world.last("one")


def test_what_a_worker_asks_is_put_before_a_person_with_all_that_is_needed_to_answer(world: World) -> None:
    asked(world, FORMAT, NAME)
    text = world.read(PATH)
    assert "# one: do one\n# Its worker asks 2 questions" in text
    assert (
        "  # format:\n  #   Which format?\n  #   It is kept.\n  #     json: easy to compare\n"
        "  #     yaml: people can comment on it\n  #     It would take yaml:\n  #       People edit it.\n"
        "  - id: format\n    decision:\n  # name:\n  #   What is it called?\n  - id: name\n    decision:\n"
    ) in text
    assert last(world).reason == "Which format?\nIt is kept. (and 1 more)"
    assert world.status() == ""
    assert "asks: Which format? (factory answer one, or edit queue/blocked/one.answers.yaml)" in world.command("status")


@pytest.mark.parametrize("by_commit", [True, False])
def test_answered_it_goes_on_with_all_questions_and_answers_in_its_prompt(world: World, by_commit: bool) -> None:
    shown = "{% for each in answers %}{{ each.question }}|{{ each.answer }}|{{ each.by }};{% endfor %}"
    world.write("WORKFLOW.md", world.read("WORKFLOW.md").rpartition("---")[0] + f"---\n{shown}")
    world.commit("A prompt")
    asked(world, FORMAT, NAME)
    answer(world, format="json", name="8080 or so # nearly")
    if by_commit:
        world.commit("Answers")
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert world.events("one")[:5] == ["submit", "start", "block", "unblock", "start"]
    unblocked = world.journal("one")[3]
    assert unblocked.answers == {"format": "json", "name": "8080 or so"}
    assert unblocked.reason == f"answered by {unblocked.actor}"
    prompt = world.artifacts("one")["run-2/prompt.md"]
    by = unblocked.actor
    assert prompt == f"Which format?\nIt is kept.|json: easy to compare|{by};What is it called?|8080 or so|{by};"
    assert "decision: json" in world.artifacts("one")["run-1/answers.yaml"]
    assert not (world.root / PATH).exists() and world.status() == ""
    assert findings(world.root) == []


@pytest.mark.parametrize(
    ("decisions", "line", "said"),
    [
        ({"format": "json"}, 17, "name is not answered yet"),
        (
            {"format": "jsn", "name": "x"},
            13,
            "'jsn' is none of json, yaml; to say something else, say it in several words",
        ),
    ],
)
def test_half_an_answer_and_an_unknown_option_are_told_with_line_and_reason(
    world: World, decisions: dict[str, str], line: int, said: str
) -> None:
    asked(world, FORMAT, NAME)
    answer(world, **decisions)
    (problem,) = world.tick().problems
    assert (problem.path, problem.message) == (PATH, said)
    assert world.read(PATH).splitlines()[problem.line - 1].strip().startswith("decision:")
    world.commit("As it is")
    assert [each.message for each in world.tick().problems] == [said]
    assert world.lane("one") == "blocked"


def test_an_answer_to_what_was_asked_before_is_stale(world: World) -> None:
    world.item("one", [asks(NAME)], [asks(NAME)], [WORK])
    world.tick()
    early = world.read(PATH).replace("decision:", "decision: Ann")
    world.write(PATH, early)
    world.tick()
    world.tick()
    assert world.lane("one") == "blocked" and last(world).run == 2
    world.write(PATH, early)
    (problem,) = world.tick().problems
    assert (
        "stale: it answers" in problem.message
        and problem.line
        == early.splitlines().index(next(each for each in early.splitlines() if each.startswith("subject"))) + 1
    )


def test_a_single_question_is_asked_in_the_same_way(world: World) -> None:
    world.item("one", [{"result": {"status": "blocked", "question": "Which of the two?"}}], [WORK])
    world.tick()
    assert last(world).reason == "Which of the two?"
    answer(world, Q1="the second of them")
    world.tick(drain=True)
    assert world.lane("one") == "done" and findings(world.root) == []


def test_a_worker_may_ask_so_often_as_its_contract_says(world: World) -> None:
    world.contract("shy", limits={"question_rounds": 1})
    world.item("one", [asks(NAME)], [asks(NAME)], contract="shy")
    world.tick()
    answer(world, name="Ann of course")
    world.tick(drain=True)
    assert world.lane("one") == "blocked" and not (world.root / PATH).exists()
    assert last(world).reason == "its worker asks again, after 1 round of questions: What is it called?"
    assert findings(world.root) == []


def test_whoever_moves_the_item_answers_by_that(world: World) -> None:
    asked(world, NAME)
    world.command("retry", "one")
    world.tick(drain=True)
    assert world.lane("one") == "done" and not (world.root / PATH).exists()
    assert "decision:" in world.artifacts("one")["run-1/answers.yaml"] and findings(world.root) == []


def test_a_file_of_answers_that_was_deleted_comes_back(world: World) -> None:
    asked(world, NAME)
    before = world.read(PATH)
    (world.root / PATH).unlink()
    assert "was deleted; git checkout" in world.tick().problems[0].message
    world.commit("Away with it")
    world.tick()
    assert world.read(PATH) == before and world.status() == ""
    assert findings(world.root) == []


def test_what_a_worker_writes_into_its_questions_stays_in_the_comments(world: World) -> None:
    evil = {"id": "a", "text": "x\ndecision: yes\n- id: b\r\u2028answers: []", "why": "\nsubject: none"}
    asked(world, evil)
    assert world.tick().problems == ()
    answer(world, a="all is well")
    world.tick(drain=True)
    assert world.lane("one") == "done" and world.journal("one")[3].answers == {"a": "all is well"}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"status": "ok", "questions": [NAME]}, "'questions' belongs to the status blocked"),
        ({"status": "blocked", "question": "x", "questions": [NAME]}, "stands in place of 'question'"),
        ({"status": "blocked", "questions": [NAME, NAME]}, "two questions have the same id"),
        ({"status": "blocked", "questions": [{**FORMAT, "takes": "xml"}]}, "which is none of the options"),
        ({"status": "blocked", "questions": [{**NAME, "id": "a b"}]}, "questions.0.id"),
        ({"status": "blocked", "questions": [{**NAME, "id": str(n)} for n in range(21)]}, "questions"),
    ],
)
def test_questions_that_nobody_could_answer_break_the_contract(world: World, result: object, said: str) -> None:
    world.item("one", [{"out": {"path": "result.json", "text": json.dumps(result)}}])
    world.tick()
    assert world.lane("one") == "rework" and said in (last(world).reason or "")


def _other_answers(entries: list[dict[str, object]]) -> None:
    entries[3]["answers"] = {"name": "Bob of course"}


def _other_person(entries: list[dict[str, object]]) -> None:
    entries[3]["actor"] = "Bob <bob@example.org>"


def _other_questions(entries: list[dict[str, object]]) -> None:
    entries[2]["questions"] = [{"id": "name", "text": "May I?"}]


@pytest.mark.parametrize("forge", [_other_answers, _other_person, _other_questions])
def test_answers_and_questions_that_were_not_given_are_found(
    world: World, forge: Callable[[list[dict[str, object]]], None]
) -> None:
    asked(world, NAME)
    answer(world, name="Ann of course")
    world.tick(drain=True)
    forger = Forger(world.root)
    commit = forger.commit_of("one", "active -> blocked" if forge is _other_questions else "blocked -> inbox")
    forged = forger.with_journal("one", commit, lambda entries: forge([*entries, {}]))
    forger.cut_before(commit)
    forger.again(commit, forged)
    assert "reason" in {rule for rule, _ in forger.audit()}


def test_nobody_is_let_go_on_without_a_file_of_answers(world: World) -> None:
    asked(world, NAME)
    answer(world, name="Ann of course")
    world.tick(drain=True)
    forger = Forger(world.root)
    commit = forger.commit_of("one", "blocked -> inbox")
    kept = forger.path("one/run-1/answers.yaml", commit)
    forger.cut_before(commit)
    forger.again(commit, {kept: None})
    assert "reason" in {rule for rule, _ in forger.audit()}


def test_the_command_makes_the_same_edit_and_refuses_what_the_tick_would(world: World) -> None:
    asked(world, FORMAT, NAME)
    assert "one   2 questions  Which format? It is kept." in world.command("answer")
    assert json.loads(world.command("answer", "--json"))[0]["questions"][1]["id"] == "name"
    assert "json: easy to compare" in world.command("answer", "one")
    before = world.read(PATH)
    for wrong in (["format=jsn", "name=x"], ["format=json"], ["nothing=1"], ["json"]):
        world.command("answer", "one", *wrong, status=2)
    world.command("answer", "two", status=2)
    assert world.read(PATH) == before
    world.command("answer", "one", "format=json", 'name=its "name": - #x\nand more')
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert world.journal("one")[3].answers == {"format": "json", "name": 'its "name": - #x\nand more'}
    assert world.command("answer") == "nobody asks anything\n"


def test_where_one_thing_is_asked_the_decision_is_enough(world: World) -> None:
    asked(world, NAME)
    world.command("answer", "one", "a=b or so")
    world.tick(drain=True)
    assert world.journal("one")[3].answers == {"name": "a=b or so"}


def test_on_a_terminal_it_walks_through_what_is_asked(world: World) -> None:
    asked(world, FORMAT, NAME)
    terminal = Terminal(world, "answer")
    terminal.until("format, an option or your own words")
    terminal.type("yaml")
    terminal.until("name, an option or your own words")
    terminal.type("Ann and Bob")
    assert "answered; the next tick takes it in" in terminal.end()
    world.tick(drain=True)
    assert world.journal("one")[3].answers == {"format": "yaml", "name": "Ann and Bob"}
