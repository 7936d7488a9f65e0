"""A model that is a script: a server on this machine which answers as the services of real ones do."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Json = Mapping[str, object]


@dataclass(frozen=True)
class Step:
    """One answer of the model: it says something and may use a tool; or there is none."""

    say: str = "Well."
    run: str = ""  # a command for the tool that runs them
    tool: str = ""  # another tool, and what it is given
    given: Json = field(default_factory=dict)
    status: int = 200  # of the answer; another one is an error, with this message
    message: str = "it is as the script says"
    code: str = "scripted"
    hang: bool = False  # nothing comes
    cut: bool = False  # the connection ends within the answer
    refuse: bool = False  # the model will not


_TOOLS = {"messages": ("Bash", "command"), "responses": ("exec_command", "cmd"), "completions": ("bash", "command")}
_USAGE = 100, 10  # tokens in, out


class Script:
    """The answers, one after the other; the last one for ever. Thread-safe."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = list(steps)
        self._lock = threading.Lock()
        self.asked: list[Json] = []  # what came in, of what asks the model to work
        self.over = threading.Event()  # for what hangs

    def next(self, asked: Json) -> Step:
        with self._lock:
            self.asked.append(asked)
            return self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]


Part = Sequence[Step | Callable[[str], Step]]  # what depends on what was said so far gets that


class Parts(Script):
    """Answers for several who ask, by words of the prompt: each conversation gets its part from the beginning on."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        super().__init__(())
        self._parts = parts

    def next(self, asked: Json) -> Step:
        with self._lock:
            self.asked.append(asked)
        told = asked.get("messages") or asked.get("input")
        said = json.dumps(told)
        part = next((each for words, each in self._parts.items() if json.dumps(words)[1:-1] in said), ())
        if not part:
            return Step(status=400, code="invalid_request_error", message="nobody who asks so is in the script")
        step = part[min(said.count('"role": "assistant"'), len(part) - 1)]
        return step if isinstance(step, Step) else step(said)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what is asked is kept in the script."""

    def do_HEAD(self) -> None:
        self._answer(200, {})

    def do_GET(self) -> None:
        self._answer(200, {"object": "list", "data": [{"id": "m", "object": "model", "created": 0}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        kind = self.path.partition("?")[0].rpartition("/")[2]
        if kind not in _TOOLS:
            return self._answer(200, {"input_tokens": 1})
        # What asks for a title, say, has no tools, and is no part of the script.
        step = self.script.next(asked) if asked.get("tools") else Step("A title")
        if step.hang:
            self.script.over.wait(120)
            self.close_connection = True
            return None
        if step.status != 200:
            error = {"message": step.message, "type": step.code, "code": step.code}
            return self._answer(step.status, {"type": "error", "error": error})
        if step.cut and not asked.get("stream"):
            self.close_connection = True
            return None
        if not asked.get("stream"):
            return self._answer(200, _whole(kind, step))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        events = list({"messages": _messages, "responses": _responses, "completions": _completions}[kind](step))
        for event in events[: len(events) // 2] if step.cut else events:
            name = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())
        if kind == "completions" and not step.cut:
            self.wfile.write(b"data: [DONE]\n\n")
        return None

    def _answer(self, status: int, said: Json) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _tool(kind: str, step: Step) -> tuple[str, Json] | None:
    """(the tool, what it is given), if the step uses one."""
    name, key = _TOOLS[kind]
    if step.run:
        return name, {key: step.run, **({} if kind == "responses" else {"description": "as asked"})}
    return (step.tool, step.given) if step.tool else None


def _messages(step: Step) -> Iterator[Json]:
    tool, (read, written) = _tool("messages", step), _USAGE
    usage = {"input_tokens": read, "output_tokens": written}
    reason = "refusal" if step.refuse else "tool_use" if tool else "end_turn"
    empty = {"id": f"msg_{time.monotonic_ns()}", "type": "message", "role": "assistant", "model": "m", "content": []}
    yield {"type": "message_start", "message": {**empty, "stop_reason": None, "stop_sequence": None, "usage": usage}}
    blocks: list[tuple[Json, Json]] = [({"type": "text", "text": ""}, {"type": "text_delta", "text": step.say})]
    if tool:
        called = {"type": "tool_use", "id": f"toolu_{time.monotonic_ns()}", "name": tool[0], "input": {}}
        blocks.append((called, {"type": "input_json_delta", "partial_json": json.dumps(tool[1])}))
    for index, (block, delta) in enumerate(blocks):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}
    yield {"type": "message_stop"}


def _responses(step: Step) -> Iterator[Json]:
    tool, (read, written) = _tool("responses", step), _USAGE
    response: Json = {"id": f"resp_{time.monotonic_ns()}", "object": "response", "model": "m", "output": []}
    yield {"type": "response.created", "response": {**response, "status": "in_progress"}}
    if step.refuse:
        error = {"code": "cyber_policy", "message": "This was flagged for a violation of the usage policy."}
        yield {"type": "response.failed", "response": {**response, "status": "failed", "error": error}}
        return
    text = {"type": "output_text", "text": step.say, "annotations": []}
    items: list[Json] = [
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    ]
    if tool:
        called = {"name": tool[0], "arguments": json.dumps(tool[1]), "call_id": f"call_{time.monotonic_ns()}"}
        items.append({"type": "function_call", "id": "fc_1", "status": "completed", **called})
    for index, item in enumerate(items):
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    usage = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    yield {"type": "response.completed", "response": {**response, "status": "completed", "usage": usage}}


def _completions(step: Step) -> Iterator[Json]:
    tool, (read, written) = _tool("completions", step), _USAGE
    base: Json = {
        "id": f"chatcmpl-{time.monotonic_ns()}",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
    }

    def chunk(delta: Json, reason: str | None = None) -> Json:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": step.say})
    if tool:
        function = {"name": tool[0], "arguments": json.dumps(tool[1])}
        called = {"index": 0, "id": f"call_{time.monotonic_ns()}", "type": "function", "function": function}
        yield chunk({"tool_calls": [called]})
    yield chunk({}, "content_filter" if step.refuse else "tool_calls" if tool else "stop")
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    yield {**base, "choices": [], "usage": usage}


def _whole(kind: str, step: Step) -> Json:
    """An answer that does not come as a stream: of what is no part of the script."""
    if kind == "messages":
        content = [{"type": "text", "text": step.say}]
        usage = {"input_tokens": 1, "output_tokens": 1}
        told = {"id": "msg_0", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
        return {**told, "content": content, "stop_reason": "end_turn", "usage": usage}
    message = {"role": "assistant", "content": step.say}
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [{"message": message}]}


@contextmanager
def model(*steps: Step) -> Iterator[tuple[str, Script]]:
    """(the address of a model that answers so, its script)."""
    script = Script(steps)
    with playing(script) as address:
        yield address, script


@contextmanager
def playing(script: Script) -> Iterator[str]:
    """The address of a model that answers by a script."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"script": script}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        script.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
