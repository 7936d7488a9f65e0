"""The metrics: each number is what a plain loop over the journals comes to, and says on how many things it rests."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, isclose
from pathlib import Path
from statistics import mean

import pytest

from factory.model.item import Item
from factory.model.journal import Entry
from factory.model.journal_lines import read
from factory.model.lifecycle import Event, Lane, Outcome
from factory.report.metrics.catalogue import METRICS
from factory.store.queue import read_item
from factory.store.yaml import Source, parse
from tests.lives import BEGINNING, DAY, Chance, written
from tests.world import REVIEWED, SCRIPTED, WORKFLOW, World

FILES = {"WORKFLOW.md": WORKFLOW, "contracts/repair.yaml": SCRIPTED, "contracts/change.yaml": REVIEWED}
ITEMS, DAYS = 1000, 60
SINCE, LAST = 8, 50  # the days of the period that is looked at
OPEN = [lane for lane in Lane if lane is not Lane.DONE]
LITTLE = 0.05  # within which the law holds, as docs/metrics.md says
Key = tuple[str, ...]
Numbers = dict[Key, tuple[int, object]]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> World:
    """1,000 items in sixty days; the commits are those of four of them."""
    moments = [BEGINNING + day * DAY for day in (20, 35, LAST, DAYS + 5)]
    return written(tmp_path_factory.mktemp("past") / "repo", [*Chance(11, DAYS).lives(ITEMS)], moments, FILES)


def told(world: World, *arguments: str) -> dict[str, dict[str, list[dict[str, object]]]]:
    """The numbers of each group, by name, as the command says them."""
    groups = json.loads(world.command("metrics", "--json", *arguments))["groups"]
    return {group["group"]: group["metrics"] for group in groups}


def flat(metrics: dict[str, list[dict[str, object]]]) -> Numbers:
    """(n, value) by the name and the labels."""
    found: Numbers = {}
    for name, many in metrics.items():
        labels = METRICS[name].labels
        for one in many:
            rest = {key: value for key, value in one.items() if key not in (*labels, "n")}
            key = (name, *(str(one[label]) for label in labels))
            found[key] = int(str(one["n"])), rest.get("value", rest or None)
    return found


@dataclass(frozen=True)
class Read:
    """An item as it lies in a folder."""

    item: Item
    entries: tuple[Entry, ...]
    folder: Path

    @property
    def done(self) -> bool:
        return self.entries[-1].to is Lane.DONE

    @property
    def good(self) -> bool:
        return self.entries[-1].outcome in (Outcome.APPLIED, Outcome.ACCEPTED)

    @property
    def came(self) -> int:
        return second(self.entries[0])

    @property
    def went(self) -> int:
        return second(self.entries[-1])

    def runs(self) -> Iterator[tuple[Entry, Entry]]:
        """The start and the end of each run that has ended."""
        start = None
        for entry in self.entries:
            if entry.event is Event.START:
                start = entry
            elif entry.source is Lane.ACTIVE and start:
                yield start, entry
                start = None


def second(entry: Entry) -> int:
    return int(entry.at.timestamp())


def laid_out(world: World, rev: str, place: Path) -> list[Read]:
    """Every item of a commit, read by the factory's own readers from plain files."""
    place.mkdir()
    packed = subprocess.run(["git", "archive", rev], cwd=world.root, capture_output=True, check=True).stdout
    subprocess.run(["tar", "x"], cwd=place, input=packed, check=True)
    found = []
    for path in sorted(place.glob("queue/*/**/*.yaml")):
        folder = place / "artifacts" / ("done" if "done" in path.parts else "") / path.parent.name / path.stem
        folder = folder if "done" in path.parts else place / "artifacts" / path.stem
        entries = read((folder / "journal.jsonl").read_bytes(), "journal").entries
        found.append(Read(read_item("item", path.read_bytes()), entries, folder))
    return found


def spread(values: list[float]) -> tuple[int, object]:
    ordered = sorted(values)
    if not ordered:
        return 0, None
    ranks = {name: ordered[ceil(p * len(ordered) / 100) - 1] for name, p in (("median", 50), ("p85", 85), ("p95", 95))}
    return len(ordered), {**ranks, "mean": mean(ordered)}


def share(part: float, n: int) -> tuple[int, object]:
    return n, part / n if n else None


def expected(items: list[Read], since: int, until: int) -> Numbers:
    """All numbers that do not hang on breakers and missions, by one loop after another."""
    return {**_flow(items, since, until), **_quality(items, since), **_review(items, since), **_cost(items, since)}


def _flow(items: list[Read], since: int, until: int) -> Numbers:
    found: Numbers = {}
    ended = [each for each in items if each.done and each.went >= since]
    good = [each for each in ended if each.good]
    outcomes = Counter(str(each.entries[-1].outcome) for each in ended)
    found |= {("items_ended", str(outcome)): (len(ended), outcomes[str(outcome)]) for outcome in Outcome}
    found["throughput_per_day",] = len(good), len(good) / ((until - since) / DAY)
    found["lead_time_seconds",] = spread([each.went - each.came for each in good])
    starts = [[entry for entry in each.entries if entry.event is Event.START] for each in good]
    found["cycle_time_seconds",] = spread([each.went - second(s[0]) for each, s in zip(good, starts, strict=True) if s])
    stayed: Counter[Lane] = Counter()
    for each in good:
        for entry, following in zip(each.entries, each.entries[1:], strict=False):
            stayed[entry.to] += second(following) - second(entry)
    worked = 0.0
    for each in good:
        for start, end in each.runs():
            worked += min(second(end) - second(start), round(sum(phase.seconds for phase in end.phases), 3))
    for lane in OPEN:
        busy = worked if lane is Lane.ACTIVE else 0.0
        found["lane_time_seconds", lane, "worked"] = share(busy, len(good))
        found["lane_time_seconds", lane, "waited"] = share(stayed[lane] - busy, len(good))
    found["flow_efficiency_ratio",] = len(good), worked / sum(each.went - each.came for each in good)
    still = [each for each in items if not each.done]
    for lane in OPEN:
        there = [each for each in still if each.entries[-1].to is lane]
        found["wip_items", lane] = len(there), len(there)
        found["lane_age_seconds", lane] = spread([until - each.went for each in there])
    found["wip_age_seconds",] = spread([until - each.came for each in still])
    was_open = [each for each in items if not each.done or each.went >= since]
    seconds = sum((each.went if each.done else until) - max(since, each.came) for each in was_open)
    found["wip_mean_items",] = len(was_open), seconds / (until - since)
    return found


CAUSES = {"questions": "question", "rounds used up": "rounds used up", "who decides": "escalated"}


def _quality(items: list[Read], since: int) -> Numbers:
    good = [each for each in items if each.good and each.went >= since]
    ends = [end for each in items for _, end in each.runs() if second(end) >= since]
    found: Numbers = {}
    clean = [each for each in good if not {Event.REWORK, Event.BLOCK} & {entry.event for entry in each.entries}]
    found["first_pass_ratio",] = share(len(clean), len(good))
    rounds = [1.0 + sum(entry.event is Event.REWORK for entry in each.entries) for each in good]
    found["rounds",] = spread(rounds)
    causes: Counter[Key] = Counter()
    for entry in (entry for each in items for entry in each.entries if second(entry) >= since):
        if entry.event in (Event.REWORK, Event.BLOCK, Event.RELEASE):
            reason = entry.reason or ""
            cause = "question" if entry.questions else "rounds used up" if "used up" in reason else entry.failure
            cause = cause or ("escalated" if "who decides" in reason else "seat")
            causes[f"{entry.event}_ratio", str(cause)] += 1
    found |= {key: share(count, len(ends)) for key, count in causes.items()}
    failures = Counter(str(end.failure) for end in ends if end.failure)
    found |= {("failures", kind): (len(ends), count) for kind, count in failures.items()}
    broken = sum(end.failure == "evidence" for end in ends)
    found["broken_claims_ratio",] = share(broken, broken + sum(bool(end.proposal) for end in ends))
    patches = []
    for each in items:
        proposed = [end.run for _, end in each.runs() if end.proposal]
        if each.done and each.went >= since and each.item.scope and proposed:
            patches.append((each.folder / f"run-{proposed[-1]}/patch.diff").read_text())
    found["scope_drift_ratio",] = share(sum("b/other.py" in patch for patch in patches), len(patches))
    return found


def _review(items: list[Read], since: int) -> Numbers:
    decisions: Counter[str] = Counter()
    machine: list[float] = []
    person: list[float] = []
    overturned = judged = 0
    for each in items:
        for number, entry in enumerate(each.entries):
            if entry.event is not Event.DELIVER:
                continue
            critic = entry.verdicts[0]
            judgement = each.entries[number + 1] if number + 1 < len(each.entries) else None
            said = [verdict for verdict in (judgement.verdicts if judgement else ()) if verdict.seat == "human"]
            human = said[0].decision if said else ""
            wrong = (critic.decision, human) in (("rework", "approve"), ("approve", "rework"), ("approve", "reject"))
            if second(entry) >= since:
                decisions[critic.decision] += 1
                judged += 1
                overturned += wrong
                machine.append(next(phase.seconds for phase in entry.phases if phase.name == "seat critic"))
            if judgement and said and second(judgement) >= since:
                decisions[said[0].decision] += 1
                judged += said[0].decision != "escalate"
                person.append(second(judgement) - second(entry))
    verdicts = decisions.total()
    return {
        **{("verdicts", decision): (verdicts, count) for decision, count in decisions.items()},
        ("verdict_seconds", "machine"): spread(machine),
        ("verdict_seconds", "person"): spread(person),
        ("overturned_ratio",): share(overturned, judged),
    }


def _cost(items: list[Read], since: int) -> Numbers:
    ends = [end for each in items for _, end in each.runs() if second(end) >= since]
    usages = [end.usage for end in ends if end.usage]
    known = [usage.usd for usage in usages if usage.usd is not None]
    reads, writes = sum(usage.input_tokens for usage in usages), sum(usage.output_tokens for usage in usages)
    found: Numbers = {
        **{("runs", event): (len(ends), count) for event, count in Counter(str(end.event) for end in ends).items()},
        ("run_seconds",): spread([end.seconds for end in ends if end.seconds is not None]),
        ("tokens", "input"): (len(ends), reads),
        ("tokens", "output"): (len(ends), writes),
        ("usd",): (len(known), sum(known)),
        ("usd_unknown_runs",): (len(ends), len(ends) - len(known)),
        ("usd_per_run",): share(sum(known), len(known)),
        ("tokens_per_run",): share(reads + writes, len(ends)),
    }
    ended = [each for each in items if each.done and each.went >= since]
    costs = [[end.usage for _, end in each.runs() if end.usage] for each in ended if each.good]
    priced = [sum(u.spent for u in usage) for usage in costs if any(u.usd is not None for u in usage)]
    found["usd_per_finished_item",] = share(sum(priced), len(priced))
    found["tokens_per_finished_item",] = share(sum(u.tokens for usage in costs for u in usage), len(costs))
    runs = [(each, end) for each in ended for _, end in each.runs()]
    lost = [end.usage for each, end in runs if end.usage and (not each.good or not end.proposal)]
    usd = sum(usage.spent for usage in lost)
    found["wasted_runs",] = len(runs), len(lost)
    found["wasted_usd",] = len(runs), usd
    found["wasted_tokens",] = len(runs), sum(usage.tokens for usage in lost)
    found["wasted_usd_ratio",] = len(runs), usd / sum(end.usage.spent for _, end in runs if end.usage)
    return {**found, **_handoff(items, since)}


def _handoff(items: list[Read], since: int) -> Numbers:
    left = still = 0
    answers: Counter[str] = Counter()
    lasted: list[float] = []
    for each in items:
        for number, entry in enumerate(each.entries):
            if not entry.loose_ends:
                continue
            left += len(entry.loose_ends) * (second(entry) >= since)
            ends = (later for later in each.entries[number + 1 :] if later.event in ("start", "rework"))
            closed = next(ends, each.entries[-1] if each.done else None)
            if closed is None:
                still += len(entry.loose_ends)
                continue
            for key in entry.loose_ends if second(closed) >= since else ():
                lasted.append(second(closed) - second(entry))
                answers[_answer(each, entry, closed, key)] += 1
    return {
        ("loose_ends",): (left, left),
        **{("loose_ends_answered", answer): (len(lasted), count) for answer, count in answers.items()},
        ("loose_end_seconds",): spread(lasted),
        ("loose_ends_open",): (still, still),
        ("handoff_loss_ratio",): share(answers["ended"], len(lasted)),
    }


def _answer(each: Read, left: Entry, closed: Entry, key: str) -> str:
    if closed.event is not Event.FINISH:
        return "ended" if closed.to is Lane.DONE else "sent back"
    if each.item.mission:
        return "mission"
    verdict = parse(Source("verdict", (each.folder / f"run-{left.run}/verdict.human.yaml").read_bytes()))
    handoff = verdict.get("handoff") if isinstance(verdict, dict) else None
    return "dismissed" if isinstance(handoff, dict) and key in handoff else "item"


def assert_equal(got: Numbers, wanted: Numbers) -> None:
    left_out = {("assertions_changed",)}
    assert got.keys() - left_out == wanted.keys()
    for key, (n, value) in wanted.items():
        assert got[key][0] == n, key
        assert got[key][1] == pytest.approx(value), key


def day(number: int) -> str:
    return f"2026-{1 + (number - 1) // 31:02}-{(number - 1) % 31 + 1:02}"


@pytest.mark.parametrize("since", [None, SINCE])
def test_the_numbers_are_those_of_a_plain_loop_over_the_journals(
    past: World, tmp_path: Path, since: int | None
) -> None:
    items = laid_out(past, "main~1", tmp_path / "laid-out")
    begins = BEGINNING + (since - 1 if since else 0) * DAY
    got = told(past, "--at", "main~1", *(["--since", day(since)] if since else []))
    assert_equal(flat(got[""]), expected(items, begins, BEGINNING + LAST * DAY))


def test_groups_are_the_same_loop_over_fewer_items(past: World, tmp_path: Path) -> None:
    items = laid_out(past, "main~1", tmp_path / "laid-out")
    begins, until = BEGINNING + (SINCE - 1) * DAY, BEGINNING + LAST * DAY
    by_contract = told(past, "--at", "main~1", "--since", day(SINCE), "--by", "contract")
    assert [*by_contract] == ["change", "repair"]
    for name, metrics in by_contract.items():
        assert_equal(flat(metrics), expected([each for each in items if each.item.contract == name], begins, until))
    by_label = told(past, "--at", "main~1", "--since", day(SINCE), "--by", "label")
    assert [*by_label] == ["(none)", "api", "bug", "docs"]
    for label, metrics in by_label.items():
        some = [each for each in items if label in (each.item.labels or ("(none)",))]
        assert_equal(flat(metrics), expected(some, begins, until))
    by_mission = told(past, "--at", "main~1", "--by", "mission")
    assert [*by_mission] == ["(none)", "m0", "m1", "m2"]


def test_a_run_counts_for_its_worker_and_its_model_and_a_verdict_for_its_seat(past: World, tmp_path: Path) -> None:
    items = laid_out(past, "main", tmp_path / "laid-out")
    runs = [run for each in items for run in each.runs()]
    usd = {"solver": 0.0, "fixer": 0.0}
    models: Counter[str] = Counter()
    for start, end in runs:
        assert start.worker and end.usage and end.agent and end.agent.model
        usd[start.worker] += end.usage.spent
        models[end.agent.model] += 1
    by_worker = told(past, "--by", "worker")
    for worker, spent in usd.items():
        assert isclose(float(str(by_worker[worker]["usd"][0]["value"])), spent)
    by_model = told(past, "--by", "model")
    assert {name: by_model[name]["run_seconds"][0]["n"] for name in models} == models
    whole = flat(told(past)[""])
    by_seat = told(past, "--by", "seat")
    assert [*by_seat] == ["critic", "human"]
    sent_back = [int(str(flat(seat)["verdicts", "rework"][1])) for seat in by_seat.values()]
    assert sum(sent_back) == whole["verdicts", "rework"][1]
    assert [name for name, many in by_seat["critic"].items() if many] == [
        "verdicts",
        "verdict_seconds",
        "overturned_ratio",
    ]
    assert [*told(past, "--by", "role")] == ["work"]


def test_littles_law_holds(past: World, tmp_path: Path) -> None:
    items = laid_out(past, "main~1", tmp_path / "laid-out")
    begins, until = BEGINNING + (SINCE - 1) * DAY, BEGINNING + LAST * DAY
    numbers = flat(told(past, "--at", "main~1", "--since", day(SINCE))[""])
    ended = [each for each in items if each.done and each.went >= begins]
    rate = numbers["items_ended", "applied"][0] / (until - begins)
    assert rate * mean(each.went - each.came for each in ended) == pytest.approx(
        numbers["wip_mean_items",][1], rel=LITTLE
    )


def test_a_fresh_clone_says_the_same_of_any_commit(past: World, tmp_path: Path) -> None:
    past.git("clone", "-q", str(past.root), str(tmp_path / "clone"))
    clone = World(tmp_path / "clone")
    for revision in ("main", "main~1", "main~3"):
        assert told(clone, "--at", revision) == told(past, "--at", revision)
    assert told(clone, "--at", "main~3") != told(clone, "--at", "main~1")


def test_what_is_remembered_of_numbers_is_not_believed_beyond_its_shape(past: World) -> None:
    first = told(past, "--at", "main")
    sums = past.root / ".git/factory/fold/sums"
    for path in sums.iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    assert told(past, "--at", "main") == first


def test_every_number_is_defined_in_the_docs(past: World) -> None:
    text = (Path(__file__).parent.parent / "docs/metrics.md").read_text()
    defined = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(defined) == sorted(METRICS)
    printed = {line.split()[0] for line in past.command("metrics").splitlines()[2:]}
    assert printed <= METRICS.keys()
    assert set(told(past)[""]) == METRICS.keys()


def test_prometheus_reads_it(world: World) -> None:
    hostile = 'x"\\\\ {y}'
    world.item("one", text=f"labels: ['{hostile}', \"two\\nlines\"]\n")
    world.commit()
    world.tick(drain=True)
    text = world.command("metrics", "--prometheus", "--by", "label")
    declared: set[str] = set()
    values: dict[str, float] = {}
    label = r'[a-z_]+="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert kind in ("gauge", "summary") and name not in declared
            declared.add(name)
        elif not line.startswith("# HELP "):
            sample = re.fullmatch(rf"([a-z_]+)((?:\{{{label}(?:,{label})*\}})?) (-?[0-9.e+-]+)", line)
            assert sample, line
            assert re.sub("_(sum|count)$", "", sample[1]) in declared or sample[1] in declared
            values[sample[1] + sample[2]] = float(sample[3])
    assert len(values) == sum(not line.startswith("#") for line in text.splitlines())
    assert values['factory_runs{label="two lines",ended_by="deliver"}'] == 1
    assert any('x\\"\\\\\\\\ {y}' in name for name in values)


def test_groups_for_prometheus_are_bounded(world: World) -> None:
    world.write("queue/inbox/one.yaml", f"title: One\nlabels: [{', '.join(f'l{n}' for n in range(60))}]\n")
    world.commit()
    world.tick(drain=True)
    text = world.command("metrics", "--prometheus", "--by", "label")
    labels = set(re.findall(r'label="([^"]*)"', text))
    assert len(labels) == 51 and "(other)" in labels
    assert len(told(world, "--by", "label")) == 60


def test_days_back_dates_and_commits_begin_a_period(past: World) -> None:
    def begins(since: str) -> object:
        return json.loads(past.command("metrics", "--json", "--at", "main~1", "--since", since))["since"]

    assert begins("2026-02-01") == begins("19d") == "2026-02-01T00:00:00Z"
    assert begins("2w") == "2026-02-06T00:00:00Z"
    assert begins("main~3") == "2026-01-21T00:00:00Z"
    assert "no commit" in past.command("metrics", "--since", "nonsense", status=2)
    assert "is no day" in past.command("metrics", "--since", "2026-02-31", status=2)
    assert "two forms" in past.command("metrics", "--json", "--prometheus", status=2)


def test_an_empty_factory_has_no_numbers_and_says_so(world: World) -> None:
    assert "nothing has happened in this time" in world.command("metrics")
    numbers = told(world)[""]
    assert all(one["n"] == 0 for many in numbers.values() for one in many)


def test_how_long_a_breaker_was_open_is_told(world: World) -> None:
    state = "contract: scripted\nstate: {}\nsince: 2026-01-01T00:00:00Z\nfailures: 5\nreason: x\n"
    for text, at in (
        (state.format("open") + "until: 2026-01-01T02:00:00Z\n", "2026-01-01T01:00:00Z"),
        (state.format("closed"), "2026-01-01T01:30:00Z"),
        (state.format("open") + "until: 2026-01-01T05:00:00Z\n", "2026-01-01T04:00:00Z"),
    ):
        world.write("queue/breakers/scripted.yaml", text)
        world.git("add", "-A")
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("GIT_COMMITTER_DATE", at)
            world.git("commit", "-qm", "A breaker")
    for _ in range(2):
        (one,) = told(world)[""]["breaker_open_seconds"]
        assert one == {"of": "contract scripted", "value": 1800 + 3600, "n": 2}
    (one,) = told(world, "--at", "main~1")[""]["breaker_open_seconds"]
    assert one == {"of": "contract scripted", "value": 1800, "n": 1}
