"""Questions: what a worker asks of people, and how these answer, by a file in the lane of what is blocked."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from factory.model.base import Format, Said, SaidText, digest_of

MOST_QUESTIONS = 20  # of one run; nobody reads more
_MOST_OPTIONS = 10
_LONGEST_ANSWER = 4000  # characters


_READ_OTHERWISE = re.compile(r"0[0-9]+|0[xo][0-9A-Fa-f]+|[0-9]+[eE]-?[0-9]+|true|false|null", re.IGNORECASE)


def _plain(name: str) -> str:
    if _READ_OTHERWISE.fullmatch(name):
        raise ValueError(f"{name!r} is read as something else than these letters, so that nobody could write it")
    return name


QuestionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"), AfterValidator(_plain)]


def _written(value: object) -> object:
    """What a person writes as a number or as yes is text all the same; nothing is nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else value


class Option(Format):
    """One way to answer."""

    id: QuestionId
    text: SaidText  # what follows from it


class Question(Format):
    """One question of a worker."""

    id: QuestionId
    text: SaidText
    options: Annotated[tuple[Option, ...], Field(max_length=_MOST_OPTIONS)] = ()
    takes: QuestionId | None = None  # the option that the worker would take
    why: Said = ""  # it would

    @model_validator(mode="after")
    def _options_can_be_told_apart(self) -> Self:
        known = [option.id for option in self.options]
        if len({*known}) < len(known):
            raise ValueError("two options have the same id")
        if self.takes is not None and self.takes not in known:
            raise ValueError(f"'takes' is {self.takes!r}, which is none of the options")
        return self

    def lacks(self, decision: str) -> bool:
        """Whether a decision looks like an option's id, and is none."""
        return bool(self.options) and len(decision.split()) == 1 and decision not in {each.id for each in self.options}

    def means(self, decision: str) -> str:
        """What a decision says: the text of the option that it names, or itself."""
        return next((f"{each.id}: {each.text}" for each in self.options if each.id == decision), decision)


_Decision = Annotated[
    str,
    BeforeValidator(_written),
    Field(max_length=_LONGEST_ANSWER),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]


class Answer(Format):
    """What a person decided of one question."""

    id: QuestionId
    decision: _Decision = ""


class Answers(Format):
    """`queue/blocked/<id>.answers.yaml`."""

    subject: str
    answers: tuple[Answer, ...]

    @property
    def given(self) -> dict[str, str]:
        """What was decided, by question; what was left open is not among it."""
        return {each.id: each.decision.strip() for each in self.answers if each.decision.strip()}


class Answered(Format):
    """A question, and what a person decided."""

    question: Question
    decision: str
    by: str


def subject_of_questions(run: int, questions: tuple[Question, ...]) -> str:
    """What is asked, as one digest: an answer to what was asked before is none to what is asked now."""
    return digest_of([run, [each.model_dump(mode="json") for each in questions]])


Key = tuple[str | int, ...]  # of a value within a file


def wrong_with(answers: Answers, subject: str, questions: tuple[Question, ...]) -> list[tuple[Key, str]]:
    """(key, what is wrong with it), for all that keeps answers from counting; nothing while none is given."""
    found: list[tuple[Key, str]] = []
    given, asked = answers.given, {question.id: question for question in questions}
    if given and answers.subject != subject:
        return [(("subject",), f"stale: it answers {answers.subject[:19]}…, but {subject[:19]}… is asked now")]
    seen: set[str] = set()
    for number, answer in enumerate(answers.answers):
        question = asked.get(answer.id)
        if question is None:
            found.append((("answers", number, "id"), f"there is no question {answer.id!r}"))
        elif answer.id in seen:
            found.append((("answers", number, "id"), f"{answer.id!r} is answered twice"))
        elif given and answer.id not in given:
            found.append((("answers", number, "decision"), f"{answer.id} is not answered yet"))
        elif answer.id in given and question.lacks(given[answer.id]):
            known = ", ".join(option.id for option in question.options)
            said = f"{given[answer.id]!r} is none of {known}; to say something else, say it in several words"
            found.append((("answers", number, "decision"), said))
        seen.add(answer.id)
    lacking = [each for each in asked if each not in seen] if given else []
    return found + [(("answers",), f"{each} is not answered") for each in lacking]
