"""An app-server that plays a part: what it is told it writes down, and what it says its part says.

`python app_server.py PART`; a part is a list of turns, each a list of steps. It is a program of its own.
"""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

Step = Mapping[str, object]
ROLLOUT = Path.home() / ".codex/sessions/2026/rollout-thread-1.jsonl"


def tells(method: str, **params: object) -> Step:
    return {"method": method, "params": params}


def asks(number: int | str, method: str, **params: object) -> Step:
    return {"id": number, **tells(method, **params)}


def tool(**arguments: object) -> Step:
    return asks(900, "item/tool/call", tool="queue_item", arguments=arguments)


def used(total: int) -> Step:
    return tells("thread/tokenUsage/updated", tokenUsage={"total": {"inputTokens": total, "outputTokens": 0}})


def fails(message: str, info: object) -> list[Step]:
    error = {"message": message, "codexErrorInfo": info}
    return [*WORK, tells("turn/completed", turn={"status": "failed", "error": error})]


WORK: list[Step] = [
    {"do": "echo x >> a.txt"},
    tells("item/started", item={"type": "commandExecution", "command": "make"}),
]
END = tells("turn/completed", turn={"status": "completed"})
SAYS = tells("item/completed", item={"type": "agentMessage", "text": "All done."})
DELIVER = tool(action="deliver", text="It is done")
_VERDICT = (
    "printf 'subject: %s\\npatch: sha256:%s\\ndecision: approve\\n' "
    '"$FACTORY_SUBJECT" "$(sha256sum < "$FACTORY_PATCH" | cut -d" " -f1)" > "$FACTORY_OUT/verdict.yaml"'
)
PARTS: Mapping[str, Sequence[Sequence[Step]]] = {
    "delivers": [[*WORK, used(700), tool(action="follow_up", text="The docs are old"), DELIVER, SAYS, used(1000), END]],
    "goes on": [[*WORK, END], [*WORK, DELIVER, END]],
    "never delivers": [[*WORK, END]] * 9,
    "asks": [[tool(action="ask", text="Which of the two?"), END]],
    "wants input": [[asks("q", "item/tool/requestUserInput", questions=[{"question": "Which of the two?"}])]],
    "wants input and hangs": [
        [asks("q", "item/tool/requestUserInput", questions=[{"question": "Which?"}]), {"hang": 60}]
    ],
    "wants approval": [
        [
            asks("a", "item/commandExecution/requestApproval", command="make"),
            asks(12, "item/fileChange/requestApproval"),
            asks(13, "some/newRequest"),
            *WORK,
            DELIVER,
            END,
        ]
    ],
    "does not end": [[*WORK]],
    "hangs": [[*WORK, {"hang": 60}]],
    "chatters": [[*WORK, *[SAYS, {"hang": 0.1}] * 400]],
    "breaks off": [[*WORK, {"exit": 0}]],
    "is killed": [[*WORK, {"kill": True}]],
    "stays": [[*WORK, DELIVER, END, {"hang": 60}]],
    "exits oddly": [[*WORK, DELIVER, END, {"exit": 3}]],
    "has no key": [fails("unexpected status 401 Unauthorized", {"httpConnectionFailed": {"httpStatusCode": 401}})],
    "is too quick": [fails("exceeded retry limit", {"responseTooManyFailedAttempts": {"httpStatusCode": 429}})],
    "talks rubbish": [
        [*WORK, {"raw": "rubbish"}, {"raw": '{"method": "turn/completed", "params": {"turn"'}, {"exit": 0}]
    ],
    "complains": [[*WORK, {"error": '{"method": "turn/failed", "params": {}}'}, DELIVER, END]],
    "tells its environment": [[{"do": "env > a.txt"}, DELIVER, END]],
    "judges": [[DELIVER, {"do": _VERDICT}, END]],
    "listens": [[*WORK, {"until": "turn/steer"}, DELIVER, END]],
    "spends": [[*WORK, used(10_000_000), {"hang": 60}]],
}


def put(line: str, stream: TextIO) -> None:
    stream.write(f"{line}\n")
    stream.flush()


class Server:
    """What it hears goes into `told.jsonl`."""

    def __init__(self, part: str, silent_at: str) -> None:
        self.turns = PARTS[part]
        self.silent_at = silent_at
        self.turn = self.used = 0

    def hear(self) -> Mapping[str, object]:
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        message = json.loads(line)
        assert isinstance(message, dict)
        if message.get("method") != "account/login/start":  # has the key, which no change may hold
            with suppress(OSError), Path("told.jsonl").open("a") as told:  # a seat can write nothing here
                told.write(line)
        return message

    def say(self, message: object) -> None:
        put(json.dumps(message), sys.stdout)

    def serve(self) -> None:
        while True:
            message = self.hear()
            method, number = message.get("method"), message.get("id")
            if method == self.silent_at:
                continue
            thread = {"thread": {"id": "thread-1"}, "model": "m-1"}
            match method:
                case "initialize":
                    self.say({"id": number, "result": {"userAgent": "stand-in/1.2.3 (Linux)"}})
                case "account/login/start":
                    self.say({"id": number, "result": {"type": "apiKey"}})
                case "thread/start":
                    ROLLOUT.parent.mkdir(parents=True, exist_ok=True)
                    ROLLOUT.write_text("begun\n")
                    self.say({"id": number, "result": thread})
                case "thread/resume" if ROLLOUT.exists() and self.silent_at != "remembers nothing":
                    self.say({"id": number, "result": thread})
                    self.play(used(before := 1000))  # as of its last turn
                    self.used = before
                case "thread/resume":
                    ROLLOUT.unlink(missing_ok=True)
                    self.say({"id": number, "error": {"code": -32600, "message": "no rollout found"}})
                case "turn/interrupt":
                    self.play(tells("turn/completed", turn={"status": "interrupted"}))
                case "turn/start":
                    self.turn += 1
                    self.say({"id": number, "result": {"turn": {"id": f"t{self.turn}"}}})
                    for step in self.turns[self.turn - 1]:
                        self.play(step)

    def play(self, step: Step) -> None:
        match step:
            case {"do": str(line)}:
                os.system(line)
            case {"raw": str(line)}:
                put(line, sys.stdout)
            case {"error": str(line)}:
                put(line, sys.stderr)
            case {"exit": int(status)}:
                sys.exit(status)
            case {"kill": True}:
                os.kill(os.getpid(), signal.SIGKILL)
            case {"until": str(method)}:
                for _ in range(300):
                    if select.select([sys.stdin], [], [], 0.1)[0] and self.hear().get("method") == method:
                        break
                    self.play(SAYS)
            case {"hang": int() | float() as seconds}:
                time.sleep(seconds)
            case {
                "method": "thread/tokenUsage/updated",
                "params": {"tokenUsage": {"total": {"inputTokens": int(total)}}},
            } if self.used:
                before, self.used = self.used, 0
                self.play(used(before + total))
                self.used = before
            case {"params": dict(params)}:
                whole = {**params, "threadId": "thread-1", "turnId": f"t{self.turn}"}
                if isinstance(turn := params.get("turn"), dict):
                    whole["turn"] = {"id": f"t{self.turn}", **turn}
                self.say({**step, "params": whole})
                while "id" in step and self.hear().get("id") != step["id"]:
                    pass


if __name__ == "__main__":
    Server(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "").serve()
