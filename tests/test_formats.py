"""The formats: what the documents promise is what is read."""

import json
import re
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from factory.model.contract import ApplyMode, Contract, SeatKind
from factory.model.errors import InvalidFile
from factory.model.formats import FORMATS, schema_of
from factory.model.hover import HELP
from factory.model.item import Item, id_problem
from factory.model.names import branch_problem
from factory.model.policy import Policy
from factory.model.result import Result, Status
from factory.model.verdict import Decision, Verdict
from factory.store import yaml
from factory.store.library import DEFAULT_PROMPT, read_workflow, workflow_warnings
from tests.world import World

ITEM = """\
title: gcd recurses for ever           # the only required key
contract: repair                       # else WORKFLOW.md routes decide
description: |                         # Markdown, given to the worker as data
  Euclid's algorithm swaps its arguments the wrong way round.
priority: 2                            # 1 most urgent … 4; none sorts last, then oldest, then id
labels: [bug]
depends_on: [parse-cli]                # waits until each is done with outcome applied or accepted
inputs: {program: programs/gcd.py}     # must satisfy the contract's `receives`
acceptance:                            # what done means, written before the work
  - {id: A1, text: "gcd(35, 21) is 7", check: [python, -m, pytest, -q, tests/test_gcd.py]}
  - {id: A2, text: "the docstring says what it returns"}        # no check: a seat must answer it
hold: false                            # true: nothing new starts and nothing is applied
budget: {usd: 2.0, tokens: 200000, minutes: 30}
"""

CONTRACT = """\
purpose: Repair one program so that its tests pass.      # one job
receives:                                    # JSON Schema (2020-12) for item.inputs
  type: object
  required: [program]
  properties: {program: {type: string}}
worker:
  agent: solver                              # a name from WORKFLOW.md agents; or, in place of it:
  # run: [python, -m, mytool, "{{ inputs.program }}"]     argv list, each element a strict template, no shell
  prompt: contracts/prompts/repair.md        # else the body of WORKFLOW.md
  env: [LANG]                                # names let through besides the safe few; nothing else is
  secrets: [SOLVER_API_KEY]                  # names let through and masked in everything written
  sandbox: {network: false}                  # mode comes from WORKFLOW.md: auto | required | off
produces:
  patch: {required: true, paths: ["programs/**"], max_files: 5, max_lines: 400}
  files: [{path: report.md, required: false, max_kb: 64}]
  data: {type: object}                       # for a typed decision in result.data
limits: {minutes: 20, stall_minutes: 5, output_mb: 20}
checks:                                      # run by the factory in a clean checkout of the proposal
  - {name: tests, run: [python, -m, pytest, -q], must_fail_before: false}
review:
  seats:
    - {name: tests, kind: checks}            # passes when every check passes
    - {name: critic, kind: agent, agent: critic}   # read-only, sees item + patch + evidence, not the trace
    - {name: human, kind: human}
  quorum: all                                # or a number
confidence: 0.7                              # a result below it goes to blocked
on_uncertainty: block                        # block | refuse
retry: {max_attempts: 3}                     # transient failures only
rework: {max_rounds: 3, keep_branch: true}
apply: {mode: merge}                         # merge | squash | branch | command | none
"""

WORKFLOW = """\
---
tracker: {kind: queue, required_labels: [ready]}
polling: {interval_ms: 30000}
workspace: {root: /tmp/cells}
hooks: {after_create: "true", before_run: "true", after_run: "true", before_remove: "true", timeout_ms: 60000}
agent: {max_concurrent_agents: 10, max_turns: 20, max_retry_backoff_ms: 300000, max_concurrent_agents_by_state: {}}
codex: {command: codex app-server}
branch: main                # the one branch the factory lives on
target: main                # where apply merges; the same unless you want the queue's history on a branch of its own
routes: [{when: {labels: [bug]}, contract: repair}, {contract: change}]     # first match wins
limits: {inbox: 1000, review: 20, rework: 20, blocked: 50}                  # a full lane holds back the one before it
retry: {initial_ms: 10000}  # doubled each time, capped by agent.max_retry_backoff_ms, with jitter
breaker: {failures: 5, window_minutes: 30, cooldown_minutes: 30}            # per contract
budget: {usd_per_day: 20}
reviewers: []               # who may give human verdicts (git identities); empty: anyone but the item's worker
protected: [contracts/**, WORKFLOW.md, .github/**]      # a change here always needs a human seat
sandbox: auto
agents: {solver: {kind: claude, model: …}, critic: {kind: codex}}
sync: {remote: origin, push: false}
---
Do {{ item.title }}.
"""

RESULT = """\
{"status": "ok", "confidence": 0.9, "summary": "…",
 "handoff": {"completed": ["…"], "left_undone": [], "issues": [{"severity": "minor", "text": "…"}],
             "commands": [{"run": ["pytest", "-q"], "exit_code": 0}], "followed_procedure": true, "deviations": []},
 "acceptance": {"A1": "pass"}, "data": null,
 "usage": {"input_tokens": 0, "output_tokens": 0, "usd": 0.0}}
"""

VERDICT = """\
# Round 1 of fix-gcd. Read artifacts/fix-gcd/run-1/, then set `decision` and save.
# Commit it, or let the next tick do so.
subject: sha256:9f2c9f2c9f2c9f2c9f2c9f2c9f2c9f2c9f2c9f2c9f2c9f2c9f2c9f2c9f2c9f2c        # what is being judged; leave it
decision: pending            # approve | rework | reject | escalate
reviewer:                    # empty: the author of the commit that brings the edit, else git's user
notes: |
findings: []                 # for rework: - {id: F1, severity: major, path: a.py, line: 3, text: …}
acceptance: {A2: unread}     # pass | fail | unread, for what no check answers; unread never counts as pass
"""


def source(text: str | bytes, path: str = "x.yaml") -> yaml.Source:
    return yaml.Source(path, text.encode() if isinstance(text, str) else text)


def item(text: str | bytes) -> Item:
    return yaml.load(Item, source(text))


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(InvalidFile) as raised:
        item(text)
    return [str(problem) for problem in raised.value.problems]


def test_the_documented_item_is_read_whole() -> None:
    read = item(ITEM)
    assert read.title == "gcd recurses for ever"
    assert (read.contract, read.priority, read.labels, read.depends_on) == ("repair", 2, ("bug",), ("parse-cli",))
    assert read.description == "Euclid's algorithm swaps its arguments the wrong way round.\n"
    assert read.inputs == {"program": "programs/gcd.py"}
    assert [criterion.id for criterion in read.acceptance] == ["A1", "A2"]
    assert read.acceptance[0].check == ("python", "-m", "pytest", "-q", "tests/test_gcd.py")
    assert read.acceptance[1].check is None
    assert (read.budget.usd, read.budget.tokens, read.budget.minutes) == (2.0, 200000, 30)


def test_an_item_needs_a_title_and_nothing_else() -> None:
    assert item("title: t").model_dump(exclude={"budget"}) == {
        "title": "t",
        "contract": None,
        "description": "",
        "priority": None,
        "labels": (),
        "depends_on": (),
        "inputs": {},
        "acceptance": (),
        "hold": False,
        "scope": (),
        "discovered_from": None,
        "mission": None,
        "milestone": None,
        "fulfills": (),
        "steers": False,
        "reviews": (),
        "validates": None,
        "reverts": None,
    }


def test_the_documented_contract_is_read_whole() -> None:
    read = yaml.load(Contract, source(CONTRACT))
    assert read.worker.agent == "solver"
    assert read.produces.patch.paths == ("programs/**",)
    assert [seat.kind for seat in read.review.seats] == [SeatKind.CHECKS, SeatKind.AGENT, SeatKind.HUMAN]
    assert read.apply.mode is ApplyMode.MERGE
    assert (read.limits.minutes, read.limits.stall_minutes, read.limits.output_mb) == (20, 5, 20)


def test_every_key_of_a_contract_but_purpose_and_worker_has_a_safe_default() -> None:
    read = yaml.load(Contract, source("purpose: p\nworker: {run: [x]}\n"))
    assert any(seat.kind is SeatKind.HUMAN for seat in read.review.seats)
    assert read.review.quorum == "all"
    assert read.worker.sandbox.network is False
    assert (read.worker.env, read.worker.secrets) == ((), ())
    assert read.retry.max_attempts == 3
    assert (read.rework.max_rounds, read.rework.keep_branch) == (3, True)
    assert (read.confidence, read.on_uncertainty) == (0.7, "block")
    assert (read.limits.minutes, read.limits.output_mb) == (20, 20)
    assert Policy().silence_s(read.limits) == 300
    assert read.apply.mode is ApplyMode.MERGE
    for left_out in ("worker: {run: [x]}\n", "purpose: p\n"):
        with pytest.raises(InvalidFile, match="is missing"):
            yaml.load(Contract, source(left_out))


def test_the_documented_workflow_is_read_whole() -> None:
    read = read_workflow(WORKFLOW.encode())
    policy = read.policy
    assert read.prompt == "Do {{ item.title }}."
    assert policy.tracker.required_labels == ("ready",)
    assert policy.workspace.root == "/tmp/cells"
    assert policy.hooks.after_create == "true"
    assert [route.contract for route in policy.routes] == ["repair", "change"]
    assert policy.budget.usd_per_day == 20
    assert policy.agents["critic"].kind == "codex"
    warnings = workflow_warnings(WORKFLOW.encode())
    assert not any("unknown" in warning for warning in warnings)
    # and what has no effect yet says so, because silence would read as a promise
    idle = [warning.split()[1] for warning in warnings if "is without effect" in warning]
    assert sorted(idle) == ["codex.command"]


def test_a_workflow_may_say_nothing_at_all() -> None:
    for text in ("", "---\n---\n", "---\n# nothing\n---\n"):
        read = read_workflow(text.encode())
        assert read.policy == Policy()
        assert read.prompt == DEFAULT_PROMPT
    assert read_workflow(b"Just a prompt.\n").prompt == "Just a prompt."


def test_the_policys_defaults_are_the_documented_ones() -> None:
    policy = Policy()
    assert policy.polling.interval_ms == 30_000
    assert (policy.agent.max_concurrent_agents, policy.agent.max_turns) == (10, 20)
    assert policy.agent.max_retry_backoff_ms == 300_000
    assert policy.hooks.timeout_ms == 60_000
    assert (policy.codex.turn_timeout_ms, policy.codex.read_timeout_ms) == (3_600_000, 5_000)
    assert policy.limits.model_dump() == {"inbox": 1000, "review": 20, "rework": 20, "blocked": 50}
    assert policy.retry.initial_ms == 10_000
    assert policy.breaker.model_dump() == {"failures": 5, "window_minutes": 30, "cooldown_minutes": 30}
    assert policy.protected == ("contracts/**", "WORKFLOW.md", ".github/**")
    assert (policy.branch, policy.target_branch, policy.sandbox) == ("main", "main", "auto")
    assert policy.sync.model_dump() == {"remote": "origin", "push": False}


def test_numbers_and_lists_may_be_written_as_symphony_writes_them() -> None:
    text = "---\npolling: {interval_ms: '500'}\ntracker: {required_labels: 'a, b'}\n"
    text += "agent: {max_concurrent_agents: '3'}\n---\n"
    policy = read_workflow(text.encode()).policy
    assert policy.polling.interval_ms == 500
    assert policy.tracker.required_labels == ("a", "b")
    assert policy.agent.max_concurrent_agents == 3


def test_a_key_that_the_policy_does_not_know_is_a_warning_and_not_an_error(world: World) -> None:
    world.policy("reviewer: [ann]\npolling: {intervall_ms: 1}\n")
    said = world.factory("check")
    assert "unknown key 'reviewer'" in said
    assert "unknown key 'polling.intervall_ms'" in said


@pytest.mark.parametrize("text", ["routes:\n  - {contract: a, wen: {}}\n", "agents: {a: {kind: x, modell: y}}\n"])
def test_an_unknown_key_inside_a_list_or_a_table_of_names_is_no_silence_either(text: str) -> None:
    assert workflow_warnings(f"---\n{text}---\n".encode()) != []


def test_the_documented_result_is_read_whole() -> None:
    read = yaml.validate(Result, yaml.parse_json(source(RESULT)), source(RESULT))
    assert (read.status, read.confidence, read.acceptance) == (Status.OK, 0.9, {"A1": "pass"})
    assert read.handoff.commands[0].run == ("pytest", "-q")
    assert read.handoff.issues[0].severity == "minor"


def test_the_documented_verdict_is_read_whole() -> None:
    read = yaml.load(Verdict, source(VERDICT))
    assert (read.decision, read.reviewer, read.findings, read.acceptance) == (
        Decision.PENDING,
        None,
        (),
        {"A2": "unread"},
    )
    decided = VERDICT.replace("pending", "rework").replace(
        "findings: []", "findings:\n- {id: F1, severity: major, path: a.py, line: 3, text: …}"
    )
    assert yaml.load(Verdict, source(decided)).findings[0].line == 3


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "y", "n", "Yes", "NO", "12:30", "2026-11-21", "0777x", "1.2.3"]
)
def test_words_that_yaml_1_1_would_change_stay_text(word: str) -> None:
    assert item(f"title: {word}\n").title == word
    assert item(f"title: t\ninputs:\n  a: {word}\n").inputs == {"a": word}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("-7", -7),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("'1'", "1"),
        ('"\\u00e4"', "ä"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(written: str, value: object) -> None:
    found = item(f"title: t\ninputs:\n  a: {written}\n").inputs["a"]
    assert found == value
    assert type(found) is type(value)


def test_a_file_that_asks_for_yaml_1_1_is_not_read_by_other_rules() -> None:
    # it is refused, or read as YAML 1.2; `yes` must never turn into a truth value
    try:
        assert item("%YAML 1.1\n---\ntitle: t\ninputs: {a: yes, b: 010}\n").inputs == {"a": "yes", "b": 10}
    except InvalidFile as error:
        assert error.problems[0].line == 1


@pytest.mark.parametrize("word", ["yes", "no", "1", "'true'"])
def test_a_truth_value_is_written_true_or_false(word: str) -> None:
    [said] = problems(f"title: t\nhold: {word}\n")
    assert said.startswith("x.yaml:2:1: hold: should be a valid boolean: true or false")


@pytest.mark.parametrize("written", [".inf", "-.inf", ".nan", "1e999", "9" * 5000])
def test_numbers_that_cannot_be_used_are_refused(written: str) -> None:
    [said] = problems(f"title: t\ninputs:\n  a: {written}\n")
    assert said.startswith("x.yaml:3:6:")
    assert "number" in said


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000])
def test_numbers_that_cannot_be_used_are_refused_in_json_too(number: str) -> None:
    problems('{"title": "t", "inputs": {"a": ' + number + "}}")


def test_an_item_may_be_json() -> None:
    assert item('{"title": "t", "labels": ["a"], "inputs": {"n": [1, 2.5, null, true]}}').inputs == {
        "n": [1, 2.5, None, True]
    }
    assert item(b'\xef\xbb\xbftitle: "with a mark"').title == "with a mark"
    assert problems('{"title": "t", "title": "u"}')[0].startswith("x.yaml:1:")
    assert problems('{"title": "t",\n "titel": "u"}')[0].startswith("x.yaml:2:2: unknown key 'titel'; did you mean")


def test_a_half_of_a_character_is_refused() -> None:
    assert problems('{"title": "\\ud800"}')
    assert problems('title: "\\ud800"\n')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: t\npriority: 5\n", "2:1: priority: should be less than or equal to 4; found 5"),
        ("title: t\npriority: '2'\n", '2:1: priority: should be a valid integer from 1 to 4; found "2"'),
        ("title: t\npriority: high\n", '2:1: priority: should be a valid integer from 1 to 4; found "high"'),
        ("title: t\npriority: 2.5\n", "2:1: priority:"),
        ("title: 5\n", "1:1: title: should be a valid string; found 5"),
        ("title: ''\n", "1:1: title:"),
        ("title: '  '\n", "1:1: title:"),
        ("title: t\nlabels: bug\n", "2:1: labels:"),
        ("title: t\nlabels: [bug, 5]\n", "2:15: labels.1: should be a valid string; found 5"),
        ("title: t\ndepends_on: [A]\n", "2:14: depends_on.0:"),
        ("title: t\nbudget: {usd: -1}\n", "2:10: budget.usd:"),
        ("title: t\nacceptance: [{id: A1, text: x}, {id: A1, text: y}]\n", "two acceptance criteria have the same id"),
        ("title: t\nacceptance: [{id: A1, text: x, check: []}]\n", "2:"),
        ("description: d\n", "1:1: the key 'title' is missing"),
        ("title: t\ntitel: u\n", "2:1: unknown key 'titel'; did you mean 'title'?"),
    ],
)
def test_what_is_wrong_with_an_item_is_said_with_its_place(text: str, said: str) -> None:
    assert any(f"x.yaml:{said}" in problem or (said[0].isalpha() and said in problem) for problem in problems(text)), (
        problems(text)
    )


def test_a_key_is_not_suggested_for_itself() -> None:
    data = b"purpose: p\nworker: {run: [a]}\nproduces: {patch: {path: ['**']}}\n"
    with pytest.raises(InvalidFile) as caught:
        yaml.load(Contract, yaml.Source("c.yaml", data))
    assert "unknown key 'produces.patch.path'; did you mean 'paths'?" in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(problems("titel: t\npriority: 9\nhold: maybe\n")) == 4


@pytest.mark.parametrize("good", ["a", "0", "fix-gcd", "a.b_c-d", "x" * 80, "2026-11-21", "a.human", "a.b.c"])
def test_ids_that_may_be(good: str) -> None:
    assert id_problem(good) == ""


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "-a",
        ".a",
        "_a",
        "A",
        "a b",
        "a/b",
        "ä",
        "x" * 81,
        "a.verdict",
        "a\n",
        "a\x1b",
        "a..b",
        "a.",
        "a.lock",
        "done",
    ],
)
def test_ids_that_may_not_be(bad: str) -> None:
    assert id_problem(bad) != ""


@pytest.mark.parametrize("item_id", ["a..b", "a.lock", "a.", "done", "a.yaml", "con", "head", "x" * 80])
def test_every_id_that_is_allowed_can_go_down_the_line(world: World, item_id: str) -> None:
    # an id is a file's name, a folder's name and a part of a branch's name; git has rules for the last
    world.item(item_id)
    world.item("other")
    world.tick()
    assert world.lane("other") == "done"
    if id_problem(item_id):
        assert world.read(f"queue/inbox/{item_id}.yaml")  # refused at the door, left in place
    else:
        assert world.lane(item_id) == "done"
        assert world.events(item_id) == ["submit", "start", "deliver", "finish"]


def test_an_id_in_capitals_is_lower_cased_on_intake(world: World) -> None:
    world.item("Fix-GCD", [{"write": {"path": "a.txt", "text": "a\n"}}])
    world.tick()
    assert world.lane("fix-gcd") == "done"


# Batches

BATCH = "\n".join(
    [
        '{"id": "first", "title": "do it", "hold": true}',
        '{"title": "Without an id!", "hold": true}',
        "",
        '{"id": "third", "titel": "x"}',
        "not json",
        '{"id": "BAD ID", "title": "x"}',
        '["a list"]',
        '{"id": "first", "title": "again"}',
        '{"id": 5, "title": "x"}',
        '{"id": "last", "title": "done", "hold": true}',
    ]
)


def test_the_good_lines_of_a_batch_are_taken_and_each_bad_one_is_named(world: World) -> None:
    # given a batch with four good lines and six bad ones
    world.write("queue/inbox/many.jsonl", BATCH)
    # when the factory makes a pass
    found = [str(problem) for problem in world.tick().problems]
    # then every good line is an item, with its own id or one made from its title
    assert {world.lane("first"), world.lane("last")} == {"inbox"}
    made = [path for path in world.git("ls-files", "queue/inbox").split("\n") if "without-an-id" in path]
    assert len(made) == 1
    # and every bad line is named with file and line
    lines = [4, 5, 6, 7, 8, 9]
    assert sorted({text.rpartition(".jsonl")[0] for text in found}) == ["queue/inbox/many"]
    assert sorted({int(text.split(":")[1]) for text in found}) == lines
    assert any("did you mean 'title'" in text for text in found)
    # and the file stays as it was
    assert world.read("queue/inbox/many.jsonl") == BATCH
    assert world.status() == ""


def test_a_batch_is_taken_once_however_many_ticks_there_are(world: World) -> None:
    world.write("queue/inbox/many.jsonl", BATCH)
    first = world.tick()
    head = world.git("rev-parse", "HEAD")
    second = world.tick()
    assert (second.commits, second.problems) == (0, first.problems)
    assert world.git("rev-parse", "HEAD") == head


def test_a_batch_is_gone_once_every_line_is_taken(world: World) -> None:
    lines = [json.dumps({"id": f"item-{number}", "title": "t", "hold": True}) for number in range(3)]
    world.write("queue/inbox/many.jsonl", "\n".join([*lines, "{", ""]))
    world.tick()
    assert (world.root / "queue/inbox/many.jsonl").exists()
    # when the bad line is mended
    world.write("queue/inbox/many.jsonl", "\n".join([*lines, '{"id": "item-3", "title": "t", "hold": true}', ""]))
    assert world.tick().problems == ()
    assert not (world.root / "queue/inbox/many.jsonl").exists()
    assert {world.lane(f"item-{number}") for number in range(4)} == {"inbox"}
    assert world.status() == ""


@pytest.mark.parametrize("how", ["rm", "git rm", "commit"])
def test_a_batch_with_bad_lines_is_gone_when_a_person_deletes_it(world: World, how: str) -> None:
    # given a committed batch of which one line was taken and one cannot be
    world.write("queue/inbox/many.jsonl", '{"id": "good", "title": "t", "hold": true}\n{\n')
    world.tick()
    # when a person takes it away
    if how == "rm":
        (world.root / "queue/inbox/many.jsonl").unlink()
    else:
        world.git("rm", "-q", "queue/inbox/many.jsonl")
    if how == "commit":
        world.git("commit", "-q", "-m", "Enough")
    # then nobody speaks of it any more, and what was made of it stays
    assert "many" not in world.command("status")
    assert world.tick().problems == ()
    assert "many" not in world.git("ls-files")
    assert world.lane("good") == "inbox"
    assert world.status() == ""
    assert world.tick().commits == 0
    world.command("audit")


@pytest.mark.parametrize("committed", [False, True])
def test_a_batch_that_brings_nothing_is_not_announced(world: World, committed: bool) -> None:
    world.write("queue/inbox/bad.jsonl", '{\n{"titel": "t"}\n')
    world.write("queue/inbox/mixed.jsonl", '{"id": "good", "title": "t", "hold": true}\n{\n')
    if committed:
        world.commit("Both")
    # before a pass the good line is announced, and the bad ones are named
    said = world.command("status")
    assert re.search(r"mixed\.jsonl .*a batch of 1 item ", said)
    assert not re.search(r"bad\.jsonl .*is taken in", said)
    for line in ("bad.jsonl:1:", "bad.jsonl:2:", "mixed.jsonl:2:"):
        assert f"queue/inbox/{line}" in said
    # and after it nothing is announced
    world.tick()
    assert "is taken in" not in world.command("status")
    assert "mixed.jsonl:2:" in world.command("status")


def test_items_of_a_batch_run_like_any_others(world: World) -> None:
    runs = {"runs": [[{"write": {"path": "a.txt", "text": "a\n"}}]]}
    world.write("queue/inbox/many.jsonl", json.dumps({"id": "one", "title": "t", "inputs": runs}) + "\n")
    world.commit("A batch")
    world.tick()
    assert world.lane("one") == "done"
    # and a line whose item went on its way is no second item
    assert world.tick().commits == 0


def test_a_line_whose_item_was_edited_since_is_not_an_error(world: World) -> None:
    world.write("queue/inbox/many.jsonl", '{"id": "one", "title": "t", "hold": true}\nbad\n')
    world.tick()
    place = world.root / "queue/inbox/one.yaml"
    place.write_text("title: better\nhold: true\n")
    found = world.tick().problems
    assert world.read("queue/inbox/one.yaml") == "title: better\nhold: true\n"
    assert [problem.line for problem in found] == [2]


# Schemas


def complaints(schema: Mapping[str, JsonValue], value: JsonValue) -> list[str]:
    """What a value breaks of a schema, which must be one."""
    Draft202012Validator.check_schema(schema)
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]


ANSWERS = """subject: sha256:00
answers:
  - id: format
    decision: json
  - id: port
    decision: 8080
  - id: name
    decision:
"""

ARCHIVED = """id: one
day: "2026-03-01"
outcome: applied
title: do one
commit: "1111111111111111111111111111111111111111"
item: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
artifacts: cccccccccccccccccccccccccccccccccccccccc
"""
ASSERTIONS = """
- {id: VAL-CART-001, area: cart, text: "Two of one make one line", by: user-testing, paths: [shop/**], guard: true}
- {id: VAL-CART-002, text: "A negative one is refused", check: [pytest, -q], reads: [shop/**], holds_already: false}
"""
PLAN = """
goal: A shop
constraints: [no new dependencies]
budget: {usd: 40}
writers: 1
roles: {work: solver, review: critic, test: tester, steer: planner}
milestones:
  - id: m1
    title: A cart that adds up
    max_rounds: 4
    features:
      - {id: schema, title: Tables, infrastructure: true}
      - {id: cart-lines, title: Lines, fulfills: [VAL-CART-001], scope: [shop/cart/**], contract: change,
         skills: [python-service], depends_on: [schema], budget: {usd: 2.0}, answers: [shop.m1.scrutiny/F1]}
    dismissed: [{issue: shop.schema/L1, reason: "not worth it: nobody reads that table"}]
"""
SERVICES = """
checks: {test: [pytest, -q], lint: [ruff, check, .]}
services: {web: {run: [python, -m, shop, --port, "{{ port }}"], ready: {http: /health}, seconds: 20, env: {mode: test}}}
"""
FLEET = """
max_concurrent_agents: 8
sandbox: required
repositories:
  - path: ../shop
    weight: 2
    max_concurrent_agents: 4
    budget: {usd_per_day: 10, unknown: block}
    secrets: {SOLVER_API_KEY: {env: SHOP_SOLVER_KEY}, DEPLOY_KEY: {file: keys/shop}}
  - {path: /srv/site, name: site}
"""
EXAMPLES = {
    "fleet": FLEET,
    "assertions": ASSERTIONS,
    "plan": PLAN,
    "services": SERVICES,
    "item": ITEM,
    "contract": CONTRACT,
    "workflow": WORKFLOW.split("---\n")[1],
    "verdict": VERDICT,
    "result": RESULT,
    "answers": ANSWERS,
    "archive": ARCHIVED,
}


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_schema_of_a_format_takes_its_documented_example(name: str) -> None:
    schema: dict[str, Any] = dict(schema_of(name))
    example = yaml.parse(source(EXAMPLES[name]))
    assert complaints(schema, example) == []
    assert schema["$schema"].endswith("2020-12/schema")
    yaml.load(FORMATS[name], source(EXAMPLES[name]))
    if isinstance(example, dict):  # and knows every documented key
        assert set(example) <= set(schema["properties"])


@pytest.mark.parametrize("name", ["item", "contract", "verdict", "result"])
def test_the_schema_of_a_closed_format_refuses_an_unknown_key(name: str) -> None:
    example = yaml.parse(source(EXAMPLES[name]))
    assert isinstance(example, dict)
    said = "$: Additional properties are not allowed ('titel' was unexpected)"
    assert complaints(schema_of(name), {**example, "titel": 1}) == [said]


@pytest.mark.parametrize(
    ("name", "key", "value", "where"),
    [
        ("item", "priority", "high", "$.priority"),
        ("item", "acceptance", [{"id": "A1"}], "$.acceptance[0]"),
        ("verdict", "decision", "perhaps", "$.decision"),
        ("workflow", "limits", {"inbox": "many"}, "$.limits.inbox"),
        ("result", "confidence", 2, "$.confidence"),
    ],
)
def test_the_schema_of_a_format_refuses_what_the_format_does(name: str, key: str, value: JsonValue, where: str) -> None:
    example = yaml.parse(source(EXAMPLES[name]))
    assert isinstance(example, dict)
    [said] = complaints(schema_of(name), {**example, key: value})
    assert said.startswith(f"{where}: ")


def test_the_program_prints_the_schemas(world: World) -> None:
    assert json.loads(world.factory("schema", "item")) == schema_of("item")
    assert set(json.loads(world.factory("schema"))) == set(FORMATS)


BRANCHES = [
    "main",
    "release/1.0",
    "a.b",
    "feature_x",
    "ä",
    "a@b",
    "@a",
    "a{b",
    "x" * 100,
    "lock",
    "a.locked",
    "fac/tory",
]
NO_BRANCHES = [
    "", " ", "a b", "-a", "a..b", "a@{1}", "@", "HEAD", "a.lock", "a.lock/b", ".a", "a/.b", "a/", "/a", "a//b", "a.",
    "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b", "a\nb", "a\tb", "a\x7f", "a\x00b", "\udcff",
]  # fmt: skip


@pytest.mark.parametrize("name", BRANCHES + NO_BRANCHES, ids=ascii)
def test_a_branch_may_be_called_what_git_allows(name: str) -> None:
    said = branch_problem(name)
    assert (said == "") == (name in BRANCHES)
    if "\0" not in name and name not in ("\udcff", "@"):  # `@` is git's short word for HEAD
        asked = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)
        assert (asked.returncode == 0) == (name in BRANCHES)
    if said:
        assert said.startswith(repr(name))


@pytest.mark.parametrize("name", ["factory", "factory/one", "factory/a/b"])
def test_a_branch_may_not_stand_where_the_proposals_are(name: str) -> None:
    assert "where the factory keeps its proposals (factory/<id>)" in branch_problem(name)


@pytest.mark.parametrize("name", list(FORMATS))
def test_an_editor_says_of_every_key_what_it_is(name: str) -> None:
    silent = [
        f"{kind}.{key}"
        for kind, part in _parts(name).items()
        for key, told in part.get("properties", {}).items()
        if not told["description"]
    ]
    assert silent == []


def test_nothing_is_said_of_keys_that_are_not_there() -> None:
    known = {kind: part for name in FORMATS for kind, part in _parts(name).items()}
    for kind, keys in HELP.items():
        assert keys.keys() == known[kind].get("properties", {}).keys(), kind


def _parts(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = dict(schema_of(name))
    return {FORMATS[name].__name__: schema, **schema.get("$defs", {})}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: t\ndescription: |\nPlease do it\nlabels: []\n", "expected ':'; indent it under description"),
        ("title: t\ndescription: |\n  This is.\nThis is not.\nlabels: []\n", "; indent it under description"),
        ("title: t\ndescription: >-  # why\n- a list\nlabels: []\n", "; indent it under description"),
        ("title: t\nacceptance:\n  - id: A1\n    text: |\n    all of it\n    check: [x]\n", "; indent it under text"),
    ],
)
def test_text_that_is_not_indented_below_its_key_is_told_where_it_belongs(text: str, said: str) -> None:
    assert problems(text)[0].endswith(said)


@pytest.mark.parametrize(
    "text", ["title: fix: the parser\n", "title: t\nacceptance:\n  - text: it says: done\n    id: A\n"]
)
def test_a_text_with_a_colon_is_to_be_quoted(text: str) -> None:
    [said] = problems(text)
    assert said.endswith("; quote a text that holds a colon")


def test_what_is_wrong_for_another_reason_is_not_said_to_be_loose_text() -> None:
    for text in ("title: t\ndescription: |\n  This is.\nlabels: [\n", "title: t\nhold\n", "a: |\n  b\nlabels: [}\n"):
        assert "indent" not in problems(text)[0]
