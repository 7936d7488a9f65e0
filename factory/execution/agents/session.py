"""The session: an agent goes on where its last run of the item ended, in a home that begins empty each time."""

from dataclasses import replace
from pathlib import Path

from factory.execution.agents.agent import Answer
from factory.execution.agents.on_write.prompt import note_of
from factory.execution.cell.cell import Cell
from factory.execution.cell.sandbox import Kind
from factory.execution.prompts.prompt import render
from factory.execution.request import RunRequest
from factory.model.agent import as_session
from factory.model.verdict import Finding
from factory.store.sessions import KeptSession, Sessions


def taken_up(request: RunRequest, cell: Cell, sessions: Sessions) -> KeptSession | None:
    """The conversation that this run goes on with, its files laid into the cell's home; None when it begins anew.

    That is where another clone made the last run, or another agent, or where it was made in another folder.
    """
    kept = kept_for(request, sessions)
    if kept is None or kept.folder != str(_worked_in(cell)):
        return None
    return kept if sessions.lay(request.item_id, cell.home) else None


def kept_for(request: RunRequest, sessions: Sessions) -> KeptSession | None:
    """The conversation that is kept here of the item's last run, if it is the one that this run may go on with."""
    kept = sessions.of(request.item_id) if request.session else None
    wanted = (request.session, request.worker, request.kind)
    return kept if kept and (kept.session, kept.agent, kept.kind) == wanted else None


def keep(request: RunRequest, cell: Cell, answer: Answer, sessions: Sessions) -> None:
    """Keep what the agent needs to go on with its conversation, if it says what that is."""
    session = as_session(answer.agent.session)
    if session and answer.session_files:
        kept = KeptSession(
            session=session,
            agent=request.worker,
            kind=request.kind,
            folder=str(_worked_in(cell)),
            used=answer.used_in_session,
        )
        sessions.keep(request.item_id, kept, cell.home, answer.session_files)


def _worked_in(cell: Cell) -> Path:
    """Where an agent works, as it sees it."""
    contained = cell.boundary.kind is Kind.BUBBLEWRAP
    return replace(cell.filesystem, in_checkout=True).folder if contained else cell.tree


def whole_prompt(request: RunRequest) -> str:
    """What a worker is told that begins anew. Raises TemplateProblem."""
    told = render(request.prompt, request.variables(), "the prompt", liquid=request.liquid)
    note = note_of(request)
    return f"{told.rstrip()}{note}" if note else told


def prompt_of(request: RunRequest, whole: str) -> str:
    """What an agent is told that goes on: what came of its work, and the whole prompt only if the item is another now.

    Its last run is the one before this: a session is kept of no other.
    """
    lines = ["Go on with this task: you have worked on it before, in this conversation."]
    lines += [f"How that ended: {request.before}"] if request.before else []
    if request.answered:
        told = (f"- {each.question.text} {each.question.means(each.decision)}" for each in request.answered)
        lines += ["What you have asked, and what was decided:", *told]
    if request.findings:
        lines += ["Put right:", *map(_shown, request.findings)]
    lines.append(_of_files(request))
    said = "\n".join(lines) + "\n"
    return said if request.told else f"{whole.rstrip()}\n\n{said}"


def _of_files(request: RunRequest) -> str:
    """Whether what it changed is still there."""
    if request.policy.workspace.keep:
        return "The folder is as you left it."
    if not request.goes_on_from:
        return "The files are as they were before you began: nothing of what you changed is there any more."
    if request.goes_on_from == request.run - 1:
        return "The files are as you left them, brought up to date."
    proposed = f"The files are as run {request.goes_on_from} of this task proposed them, brought up to date"
    return f"{proposed}: nothing of what you changed after that is there any more."


def _shown(finding: Finding) -> str:
    line = f":{finding.line}" if finding.line else ""
    return f"- {finding.id}{f' ({finding.path}{line})' if finding.path else ''}: {finding.text}"
