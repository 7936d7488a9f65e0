"""A conversation with an app-server, as a value: what each message that comes makes of it, and what is said next."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from factory.execution.agents.app_server import answers, errors, requests
from factory.execution.agents.app_server.item_tool import Told, call
from factory.execution.agents.app_server.requests import Settings
from factory.execution.agents.app_server.tokens import Tokens
from factory.execution.agents.programs.heard import Event, Heard, text, within
from factory.execution.agents.programs.program import result_in
from factory.model.failure import Failure, FailureClass
from factory.model.text import label, said

_QUIET = {"userMessage", "agentMessage", "reasoning", "plan", "dynamicToolCall", ""}  # are no use of a tool
_INPUT = {"item/tool/requestUserInput", "tool/requestUserInput"}


@dataclass(frozen=True)
class Session:
    """How far a conversation has come."""

    settings: Settings
    heard: Heard = field(default_factory=Heard)
    told: Told = field(default_factory=Told)
    tokens: Tokens = field(default_factory=Tokens)
    limits: object = None  # what was last told of the account's
    awaits: str = ""  # the request whose answer is awaited
    asked: int = 0  # requests that were to be answered; the last one's id
    thread: str = ""
    turn: str = ""  # the last that began
    running: bool = False  # whether it still is under way
    turns: int = 0
    steps_before: int = 0  # what had been done when the last turn began
    interrupted: bool = False  # for a question that only a person can answer
    over: bool = False  # nothing more is to be said

    @property
    def parting(self) -> bool:
        """Whether it only has to end."""
        return self.over or self.interrupted


Step = tuple[Session, tuple[Event, ...]]  # and what is said then


def begin(settings: Settings, version: str) -> Step:
    """The first word."""
    return _ask(Session(settings), requests.initialize(version))


def take(session: Session, message: Event, *, wrote: bool) -> Step:
    """What a message makes of it; `wrote` says whether the agent has left its result as a file by now."""
    method, number = message.get("method"), message.get("id")
    if session.over:
        return session, ()
    if not isinstance(method, str):
        awaited = bool(session.awaits) and number == session.asked and not isinstance(number, bool)
        return _answered(session, message) if awaited else (session, ())
    params = within(message, "params")
    told: Event = params if isinstance(params, Mapping) else {}
    if isinstance(number, int | str):
        return _requested(session, method, told, number)
    return _noticed(session, method, told, wrote=wrote)


def interrupt(session: Session) -> Step:
    """End the turn that is under way, if one is."""
    if not (session.running and session.turn):
        return session, ()
    return session, ({**requests.turn_interrupt(session.thread, session.turn), "id": "interrupt"},)


def _ask(session: Session, request: Event, *besides: Event) -> Step:
    number = session.asked + 1
    session = replace(session, asked=number, awaits=text(request, "method"))
    return session, (*besides, {**request, "id": number})


def _failed(session: Session, failure: Failure) -> Step:
    return replace(session, heard=session.heard.failed(failure), over=True), ()


# Answers to what was asked


def _answered(session: Session, message: Event) -> Step:
    asked, settings = session.awaits, session.settings
    session = replace(session, awaits="")
    if not isinstance(message.get("result"), Mapping):
        if asked == "thread/resume":  # it is not there any more
            return _ask(session, requests.thread_start(settings))
        return _failed(session, errors.of_response(asked, message.get("error")))
    match asked:
        case "initialize":
            version = text(message, "result", "userAgent").partition("/")[2].partition(" ")[0]
            session = replace(session, heard=replace(session.heard, version=label(version)))
            first = requests.login(settings.key) if settings.key and not settings.url else _thread_of(settings)
            return _ask(session, first, {"method": "initialized", "params": {}})
        case "account/login/start":
            return _ask(session, _thread_of(settings))
        case "thread/start" | "thread/resume":
            return _with_thread(session, message, resumed=asked == "thread/resume")
    turn = label(text(message, "result", "turn", "id"))
    return replace(session, turn=turn, running=True), ()


def _thread_of(settings: Settings) -> Event:
    if settings.session:
        return requests.thread_resume(settings, settings.session)
    return requests.thread_start(settings)


def _with_thread(session: Session, message: Event, *, resumed: bool) -> Step:
    thread = label(text(message, "result", "thread", "id"))
    if not thread:
        return _failed(session, Failure(FailureClass.CRASH, "it gave its thread no id"))
    heard = replace(session.heard, session=thread, model=label(text(message, "result", "model")))
    session = replace(session, heard=heard, thread=thread, tokens=Tokens(thread if resumed else ""))
    name = {**requests.thread_name(session.settings, thread), "id": "name"}
    begun_anew = bool(session.settings.session) and not resumed
    return _turn(session, session.settings.whole_prompt if begun_anew else session.settings.prompt, name)


def _turn(session: Session, words: str, *besides: Event) -> Step:
    session = replace(session, turns=session.turns + 1, steps_before=session.heard.steps)
    return _ask(session, requests.turn_start(session.settings, session.thread, words), *besides)


# What the server asks


def _requested(session: Session, method: str, params: Event, number: int | str) -> Step:
    if method == "item/tool/call":
        tool = params.get("tool")
        replied = call(session.told, tool, params.get("arguments"), session.settings.item)
        heard = session.heard.does(replied.step or label(str(tool)))
        return replace(session, told=replied.told, heard=heard), ({"id": number, "result": replied.answer()},)
    if method in _INPUT:
        session = replace(session, told=session.told.asks(said(answers.questions_in(params))), interrupted=True)
        refusal = answers.refusal("nobody is here to answer; the question is put to a person, and this turn ends")
        session, ending = interrupt(session)
        return session, ({"id": number, **refusal}, *ending)
    reply = answers.answer(method, params)
    if answers.declined(reply):
        what = text(params, "command") or method
        session = replace(session, heard=session.heard.denied(what))
    return session, ({"id": number, **reply},)


# What the server tells


def _noticed(session: Session, method: str, params: Event, *, wrote: bool) -> Step:
    if method == "thread/tokenUsage/updated":
        tokens = session.tokens.told(params, session.turn if session.running else "")
        return replace(session, tokens=tokens, heard=replace(session.heard, usage=tokens.usage)), ()
    if method == "account/rateLimits/updated":
        return replace(session, limits=params.get("rateLimits")), ()
    if text(params, "threadId") not in ("", session.thread):
        return session, ()  # of a helper of the agent
    match method:
        case "turn/completed" | "turn/failed" | "turn/cancelled":
            return _turn_ended(session, method, params, wrote=wrote)
        case "turn/started":
            return replace(session, turn=label(text(params, "turn", "id")), running=session.turns > 0), ()
        case "item/started" | "item/completed":
            return replace(session, heard=_of_item(session.heard, params, begun=method == "item/started")), ()
        case "error":
            failure = errors.of_turn(params.get("error"), session.limits)
            retries = session.heard.retries + (params.get("willRetry") is True)
            return replace(session, heard=replace(session.heard, trouble=failure, retries=retries)), ()
    return session, ()


def _of_item(heard: Heard, params: Event, *, begun: bool) -> Heard:
    kind = text(params, "item", "type")
    if kind == "agentMessage" and not begun:
        return heard.says(text(params, "item", "text"))
    if kind in _QUIET:
        return heard
    what = text(params, "item", "command") or text(params, "item", "tool") or kind
    if begun:
        return heard.does(what)
    return heard.denied(what) if text(params, "item", "status") == "declined" else heard


def _turn_ended(session: Session, method: str, params: Event, *, wrote: bool) -> Step:
    turn = label(text(params, "turn", "id") or text(params, "turnId"))
    ours = session.running and turn in ("", session.turn)
    early = session.awaits == "turn/start" and turn != session.turn  # its beginning is answered only after its end
    if not (ours or early):
        return session, ()
    session = replace(session, running=False, awaits="", turn=turn or session.turn)
    status = text(params, "turn", "status") if method == "turn/completed" else method.partition("/")[2]
    if status == "completed" or (session.interrupted and status in ("interrupted", "cancelled")):
        return _completed(session, wrote=wrote)
    error = within(params, "turn", "error") or params.get("error")
    if status == "failed" or error:
        return _failed(session, errors.of_turn(error, session.limits))
    return _failed(
        session, Failure(FailureClass.CRASH, f"its turn ended as {label(status) or 'nothing that is known'}")
    )


def _completed(session: Session, *, wrote: bool) -> Step:
    """Whether the agent is at its end: it has delivered or asked, or it did nothing when it was told to go on."""
    final = session.told.final or wrote or result_in(session.heard.message) is not None
    idle = session.turns > 1 and session.heard.steps == session.steps_before
    if session.settings.item is None or final or idle:
        return replace(session, heard=replace(session.heard, finished=True), over=True), ()
    if session.turns >= session.settings.max_turns:
        reason = f"it did not deliver within {session.turns} turns, as agent.max_turns allows"
        return _failed(session, Failure(FailureClass.MAX_TURNS, reason))
    return _turn(session, requests.CONTINUE)
