"""The answers file of a blocked item: what its worker asks, and a line for each answer."""

from collections.abc import Iterator

from factory.line.review.comments import one_line, paragraph
from factory.model.errors import InvalidFile, Problem
from factory.model.journal import History
from factory.model.questions import Answers, Question, subject_of_questions, wrong_with
from factory.model.text import counted
from factory.store import yaml


def answers_file(item_id: str, title: str, run: int, questions: tuple[Question, ...]) -> bytes:
    """The answers file as a person finds it."""
    lines = [
        f"# {item_id}: {one_line(title)}",
        f"# Its worker asks {counted(len(questions), 'question')} before it goes on. Set each `decision`, to the id of",
        "# an option or to several words of your own, and save. Commit it, or let the next tick do so.",
        f"# In a terminal: factory answer {item_id}",
        f"subject: {subject_of_questions(run, questions)}        # what is asked; leave it",
        "answers:",
    ]
    for question in questions:
        lines += [f"  # {line}".rstrip() for line in told(question)]
        lines += [f"  - id: {question.id}", "    decision:"]
    return "".join(f"{line}\n" for line in lines).encode()


def told(question: Question) -> Iterator[str]:
    """A question in plain lines: what is asked, the options, and what the worker would take."""
    yield f"{question.id}:"
    yield from paragraph(question.text)
    for option in question.options:
        yield f"    {option.id}: {one_line(option.text)}"
    if question.takes or question.why:
        yield f"    It would take {question.takes}:" if question.takes else "    It says:"
        yield from (f"    {line}" for line in paragraph(question.why))


def read_answers(path: str, data: bytes, history: History) -> dict[str, str] | None:
    """What was decided, by question, once all that is asked is answered; None while nothing is.

    Raises InvalidFile with the line and the reason for what is half answered, stale, or no option.
    """
    source = yaml.Source(path, data)
    answers = yaml.load(Answers, source)
    wrong = wrong_with(answers, subject_of_questions(history.run, history.questions), history.questions)
    if wrong:
        raise InvalidFile(*(Problem(path, *yaml.place(source, key), message) for key, message in wrong))
    return answers.given or None
