"""A conversation with an app-server, as a value: what each message that comes makes of it, and what is said next."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from factory.execution.agents.app_server import approvals, errors, requests
from factory.execution.agents.app_server.item_tool import Told, call
from factory.execution.agents.app_server.requests import Settings
from factory.execution.agents.app_server.tokens import Tokens
from factory.execution.agents.programs.heard import Event, Heard, text, within
from factory.model.failure import Failure, FailureClass
from factory.model.text import label, said

_QUIET = {"userMessage", "agentMessage", "reasoning", "plan", "dynamicToolCall", ""}  # are no use of a tool
_INPUT = {"item/tool/requestUserInput", "tool/requestUserInput"}


@dataclass(frozen=True)
class Conversation:
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

    @property
    def listens(self) -> bool:
        """Whether the agent can be told something in the midst of its turn."""
        return self.running and bool(self.turn) and not self.parting


Step = tuple[Conversation, tuple[Event, ...]]  # and what is said then


def begin(settings: Settings, version: str) -> Step:
    """The first word."""
    return _ask(Conversation(settings), requests.initialize(version))


def take(state: Conversation, message: Event, *, wrote: bool) -> Step:
    """What a message makes of it; `wrote` says whether the agent has left its result as a file by now."""
    method, number = message.get("method"), message.get("id")
    if state.over:
        return state, ()
    if not isinstance(method, str):
        awaited = bool(state.awaits) and number == state.asked and not isinstance(number, bool)
        return _answered(state, message) if awaited else (state, ())
    params = within(message, "params")
    told: Event = params if isinstance(params, Mapping) else {}
    if isinstance(number, int | str):
        return _requested(state, method, told, number)
    return _noticed(state, method, told, wrote=wrote)


def interrupt(state: Conversation) -> Step:
    """End the turn that is under way, if one is."""
    if not (state.running and state.turn):
        return state, ()
    return state, ({**requests.turn_interrupt(state.thread, state.turn), "id": "interrupt"},)


def steer(state: Conversation, words: str) -> Step:
    """Tell the agent something in the midst of the turn that is under way, if one is."""
    if not state.listens:
        return state, ()
    return state, ({**requests.turn_steer(state.thread, state.turn, words), "id": "steer"},)


def _ask(state: Conversation, request: Event, *besides: Event) -> Step:
    number = state.asked + 1
    state = replace(state, asked=number, awaits=text(request, "method"))
    return state, (*besides, {**request, "id": number})


def _failed(state: Conversation, failure: Failure) -> Step:
    return replace(state, heard=state.heard.failed(failure), over=True), ()


# Answers to what was asked


def _answered(state: Conversation, message: Event) -> Step:
    asked, settings = state.awaits, state.settings
    state = replace(state, awaits="")
    if not isinstance(message.get("result"), Mapping):
        if asked == "thread/resume":  # it is not there any more
            return _ask(state, requests.thread_start(settings))
        return _failed(state, errors.of_response(asked, message.get("error")))
    match asked:
        case "initialize":
            version = text(message, "result", "userAgent").partition("/")[2].partition(" ")[0]
            state = replace(state, heard=replace(state.heard, version=label(version)))
            first = requests.login(settings.key) if settings.key and not settings.url else _thread_of(settings)
            return _ask(state, first, {"method": "initialized", "params": {}})
        case "account/login/start":
            return _ask(state, _thread_of(settings))
        case "thread/start" | "thread/resume":
            return _with_thread(state, message, resumed=asked == "thread/resume")
    turn = label(text(message, "result", "turn", "id"))
    return replace(state, turn=turn, running=True), ()


def _thread_of(settings: Settings) -> Event:
    if settings.session:
        return requests.thread_resume(settings, settings.session)
    return requests.thread_start(settings)


def _with_thread(state: Conversation, message: Event, *, resumed: bool) -> Step:
    thread = label(text(message, "result", "thread", "id"))
    if not thread:
        return _failed(state, Failure(FailureClass.CRASH, "it gave its thread no id"))
    heard = replace(state.heard, session=thread, model=label(text(message, "result", "model")))
    state = replace(state, heard=heard, thread=thread, tokens=Tokens(thread if resumed else ""))
    name = {**requests.thread_name(state.settings, thread), "id": "name"}
    begun_anew = bool(state.settings.session) and not resumed
    return _turn(state, state.settings.whole_prompt if begun_anew else state.settings.prompt, name)


def _turn(state: Conversation, words: str, *besides: Event) -> Step:
    state = replace(state, turns=state.turns + 1, steps_before=state.heard.steps)
    return _ask(state, requests.turn_start(state.settings, state.thread, words), *besides)


# What the server asks


def _requested(state: Conversation, method: str, params: Event, number: int | str) -> Step:
    if method == "item/tool/call":
        tool = params.get("tool")
        replied = call(state.told, tool, params.get("arguments"), state.settings.item)
        heard = state.heard.does(replied.step or label(str(tool)))
        return replace(state, told=replied.told, heard=heard), ({"id": number, "result": replied.answer()},)
    if method in _INPUT:
        state = replace(state, told=state.told.asks(said(approvals.questions_in(params))), interrupted=True)
        refusal = approvals.refusal("nobody is here to answer; the question is put to a person, and this turn ends")
        state, ending = interrupt(state)
        return state, ({"id": number, **refusal}, *ending)
    reply = approvals.answer(method, params)
    if approvals.declined(reply):
        what = text(params, "command") or method
        state = replace(state, heard=state.heard.denied(what))
    return state, ({"id": number, **reply},)


# What the server tells


def _noticed(state: Conversation, method: str, params: Event, *, wrote: bool) -> Step:
    if method == "thread/tokenUsage/updated":
        tokens = state.tokens.told(params, state.turn if state.running else "")
        return replace(state, tokens=tokens, heard=replace(state.heard, usage=tokens.usage)), ()
    if method == "account/rateLimits/updated":
        return replace(state, limits=params.get("rateLimits")), ()
    if text(params, "threadId") not in ("", state.thread):
        return state, ()  # of a helper of the agent
    match method:
        case "turn/completed" | "turn/failed" | "turn/cancelled":
            return _turn_ended(state, method, params, wrote=wrote)
        case "turn/started":
            return replace(state, turn=label(text(params, "turn", "id")), running=state.turns > 0), ()
        case "item/started" | "item/completed":
            return replace(state, heard=_of_item(state.heard, params, begun=method == "item/started")), ()
        case "error":
            failure = errors.of_turn(params.get("error"), state.limits)
            retries = state.heard.retries + (params.get("willRetry") is True)
            return replace(state, heard=replace(state.heard, trouble=failure, retries=retries)), ()
    return state, ()


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


def _turn_ended(state: Conversation, method: str, params: Event, *, wrote: bool) -> Step:
    turn = label(text(params, "turn", "id") or text(params, "turnId"))
    ours = state.running and turn in ("", state.turn)
    early = state.awaits == "turn/start" and turn != state.turn  # its beginning is answered only after its end
    if not (ours or early):
        return state, ()
    state = replace(state, running=False, awaits="", turn=turn or state.turn)
    status = text(params, "turn", "status") if method == "turn/completed" else method.partition("/")[2]
    if status == "completed" or (state.interrupted and status in ("interrupted", "cancelled")):
        return _completed(state, wrote=wrote)
    error = within(params, "turn", "error") or params.get("error")
    if status == "failed" or error:
        return _failed(state, errors.of_turn(error, state.limits))
    return _failed(state, Failure(FailureClass.CRASH, f"its turn ended as {label(status) or 'nothing that is known'}"))


def _completed(state: Conversation, *, wrote: bool) -> Step:
    """Whether the agent is at its end: it has delivered or asked, or it did nothing when it was told to go on."""
    final = state.told.final or wrote or state.heard.result is not None
    idle = state.turns > 1 and state.heard.steps == state.steps_before
    if state.settings.item is None or final or idle:
        return replace(state, heard=replace(state.heard, finished=True), over=True), ()
    if state.turns >= state.settings.max_turns:
        reason = f"it did not deliver within {state.turns} turns, as agent.max_turns allows"
        return _failed(state, Failure(FailureClass.MAX_TURNS, reason))
    return _turn(state, requests.CONTINUE)
