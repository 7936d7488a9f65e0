"""Several agents at work at once, each with daemons of its own; when the factory is stopped, nothing of it is left."""

import os
import signal
from pathlib import Path

import pytest

from tests.test_agent_programs import with_agent
from tests.test_agent_sessions import program
from tests.world import World

# Daemons that left their session and their parent, one of which does not listen, and an agent that waits for them.
_DAEMONS = """#!/bin/sh
cat > /dev/null
echo '{{"type": "system", "subtype": "init", "session_id": "s"}}'
(setsid sleep {mark} > /dev/null 2>&1 &)
(setsid sh -c 'trap "" TERM HUP INT; while :; do sleep {mark}; done' > /dev/null 2>&1 &)
nohup sleep {mark} > /dev/null 2>&1 &
sleep {mark}
"""


def alive(mark: str) -> list[str]:
    """The processes of this machine that have a word in their argv."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                argv = (place / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it has just ended
            found += [place.name] if mark.encode() in argv else []
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_when_it_is_stopped_nothing_is_left_of_four_agents_and_their_daemons(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    mark = f"{1000 + os.getpid() % 1000}.{number:02d}{os.getpid()}"
    program(tmp_path / "bin", monkeypatch, "claude", _DAEMONS.format(mark=mark))
    with_agent(world, "claude")
    names = ["one", "two", "three", "four"]
    for name in names[1:]:
        world.item(name)
    running = world.start("run")
    try:
        world.until(lambda: len(alive(mark)) >= 4 * len(names), 60)
        assert {world.lane(name) for name in names} == {"active"}
        running.send_signal(number)
        running.communicate()
    finally:
        for each in alive(mark) if running.poll() is None else ():
            os.kill(int(each), signal.SIGKILL)
    assert alive(mark) == []
    assert {world.lane(name) for name in names} == {"inbox"}
    assert not list((world.root / ".git/factory/heartbeats").iterdir())
    assert world.command("audit")
