"""The report of a mission: what it has come to, by whom and at what cost. It follows from values alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from factory.model.journal import Entry, History
from factory.model.lifecycle import Event, Lane
from factory.model.mission.plan import Milestone
from factory.model.mission.record import FiledAs
from factory.model.mission.standing import Standing
from factory.model.moments import rfc3339
from factory.model.product import share_of_yardsticks
from factory.model.result import Usage
from factory.model.roles import Role
from factory.model.text import counted, label
from factory.store.mission_parts import Account, Part

_ROLES = {
    FiledAs.FEATURE: Role.WORK,
    FiledAs.FOLLOW_UP: Role.WORK,
    FiledAs.SCRUTINY: Role.REVIEW,
    FiledAs.TESTING: Role.TEST,
    FiledAs.STEER: Role.STEER,
}
_Run = tuple[str, str, str]  # role, agent, model


def report_of(standing: Standing, account: Account) -> bytes:
    """The report, in Markdown, of a mission that stands so and for which this was done."""
    sections: tuple[tuple[str, Iterable[str]], ...] = (
        (f"The mission {standing.mission}: {_plain(account.title)}", _beginning(standing, account)),
        ("Runs", _runs(account)),
        ("Milestones", (_milestone(each, account) for each in standing.plan.milestones)),
        ("Follow-ups", _follow_ups(account)),
        ("Assertions", _assertions(standing)),
        ("Tests", _tests(account)),
        ("Dismissed", _dismissed(account)),
        ("Questions", _questions(standing.mission, account)),
    )
    shown: list[str] = []
    for number, (title, lines) in enumerate(sections):
        shown += [f"{'##' if number else '#'} {title}", "", *(list(lines) or ["None."]), ""]
    return "\n".join(shown).encode()


def _plain(text: str) -> str:
    """Text of others in one line, that means nothing to Markdown or HTML."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in label(text))


def _who(told: str) -> str:
    """A person's name without the address, or a machine as it is called."""
    return told.partition(" <")[0]


def _beginning(standing: Standing, account: Account) -> Iterator[str]:
    entries = account.history.entries
    yield f"Goal: {_plain(standing.plan.goal)}"
    yield ""
    opened = next((each for each in entries if each.event is Event.OPEN), None)
    last = max((each.at for history in _histories(account) for each in history.entries), default=None)
    if entries and last:
        taken = _long(entries[0], last.timestamp())
        yield f"- Filed {rfc3339(entries[0].at)}, the last event {rfc3339(last)}: {taken}."
    if opened and last:
        yield f"- Its plan was merged {rfc3339(opened.at)}: {_long(opened, last.timestamp())} from then on."
    spent = account.spent
    used = spent.in_words(standing.plan.budget) or "nobody said what it cost"
    yield f"- Used: {used}; {spent.usage.tokens} tokens, {spent.seconds / 60:.1f} minutes of workers."
    counts = ", ".join(f"{count} {state}" for state, count in standing.counts().items() if count)
    yield f"- {counted(len(standing.assertions), 'assertion')}: {counts}."


def _long(since: Entry, until: float) -> str:
    minutes = max(0, round((until - since.at.timestamp()) / 60))
    days, hours = minutes // 1440, minutes // 60 % 24
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min"


def _histories(account: Account) -> Iterator[History]:
    yield account.history
    yield from (part.history for part in account.parts.values())


def _runs(account: Account) -> Iterator[str]:
    """A table of all runs, by who was at work as what; and who has judged how often."""
    many: Counter[_Run] = Counter()
    usage: defaultdict[_Run, Usage] = defaultdict(Usage)
    seconds: defaultdict[_Run, float] = defaultdict(float)
    work = [(_role(part), part.history) for part in account.parts.values()]
    for kind, history in [(Role.PLAN, account.history), *work]:
        for key, entry in _ended(kind, history):
            many[key] += 1
            usage[key] = usage[key].plus(entry.usage)
            seconds[key] += entry.seconds or 0.0
    yield "| role | agent | model | runs | minutes | tokens | USD |"
    yield "|---|---|---|---|---|---|---|"
    for key in sorted(many):
        role, agent, model = map(_plain, key)
        cost = "-" if usage[key].usd is None else f"{usage[key].spent:.2f}"
        yield (
            f"| {role} | {agent or '-'} | {model or '-'} | {many[key]} | {seconds[key] / 60:.1f} "
            f"| {usage[key].tokens} | {cost} |"
        )
    judged = Counter(
        _who(vote.reviewer) for history in _histories(account) for each in history.entries for vote in each.verdicts
    )
    if judged:
        yield ""
        yield "Verdicts: " + ", ".join(f"{_plain(who)} {count}" for who, count in sorted(judged.items())) + "."


def _role(part: Part) -> Role:
    """As what its runs were at work: those of a feature that is a mission itself have planned."""
    return Role.PLAN if part.history.mission.filed else _ROLES[part.filed.kind]


def _ended(role: Role, history: History) -> Iterator[tuple[_Run, Entry]]:
    """Each run that ended, with whoever was at work in it."""
    worker = ""
    for entry in history.entries:
        worker = entry.worker or worker
        if entry.source is Lane.ACTIVE and entry.seconds is not None:
            yield (str(role), worker, (entry.agent.model if entry.agent else None) or ""), entry


def _milestone(milestone: Milestone, account: Account) -> str:
    own = (part for part in account.parts.values() if not part.within)
    parts = [part for part in own if part.filed.milestone == milestone.id]
    features = [part for part in parts if part.filed.builds]
    answers = sum(bool(part.filed.answers) for part in features)
    rounds = [
        entry
        for entry in account.history.entries
        if any(each.answers and each.milestone == milestone.id for each in entry.filed.values())
    ]
    validated = ", ".join(
        f"{kind} {sum(part.filed.kind is kind for part in parts)}" for kind in (FiledAs.SCRUTINY, FiledAs.TESTING)
    )
    return (
        f"- **{milestone.id}** {_plain(milestone.title)}: {counted(len(features) - answers, 'feature')}, "
        f"{counted(answers, 'follow-up')} in {counted(len(rounds), 'round')}; validated by {validated}."
    )


def _follow_ups(account: Account) -> Iterator[str]:
    issues = account.history.mission.issues
    for part in account.parts.values():
        for key in part.filed.answers if part.filed.builds else ():
            text = f": {_plain(issues[key].text)}" if key in issues else ""
            yield f"- `{part.id}` ({_how(part)}) answers {_plain(key)}{text}"


def _how(part: Part) -> str:
    return str(part.history.outcome or "open")


def _assertions(standing: Standing) -> Iterator[str]:
    for assertion in standing.assertions:
        found, state = standing.record.judged.get(assertion.id), standing.state_of(assertion.id)
        rests = ""
        if found is not None:
            said = f": {_plain(found.said)}" if found.said else ""
            rests = (
                f" By {_plain(found.by)} in run {found.run} of `{found.item}` at {rfc3339(found.at)}, "
                f"on `{found.commit}`; evidence `{found.evidence}`{said}"
            )
        guarded = ", guarded" if assertion.guard else ""
        yield f"- **{assertion.id}** {state}{guarded}: {_plain(assertion.text)}.{rests}"


def _tests(account: Account) -> Iterator[str]:
    tests, everything = share_of_yardsticks(account.lines)
    if everything:
        share = f"{tests} of {counted(everything, 'changed line')} ({100 * tests / everything:.0f} %)"
        yield f"{share} are of tests, or of settings of what runs them."


def _dismissed(account: Account) -> Iterator[str]:
    record = account.history.mission
    for key, reason in record.dismissed.items():
        text = f" ({_plain(record.issues[key].text)})" if key in record.issues else ""
        yield f"- {_plain(key)}{text}: {_plain(reason)}"


def _questions(mission: str, account: Account) -> Iterator[str]:
    asked: Mapping[str, History] = {
        mission: account.history,
        **{key: each.history for key, each in account.parts.items()},
    }
    for item_id, history in asked.items():
        for each in history.answered:
            yield f"- `{item_id}`: {_plain(each.question.text)} — {_plain(each.decision)} ({_plain(_who(each.by))})"
