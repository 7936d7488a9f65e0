"""Mission control in a test: its screen as text, and a person at its keys."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.events import Paste
from textual.pilot import Pilot

from factory.serve.top.app import Top
from factory.serve.top.panes import Items
from factory.serve.top.styles import DARK
from tests.world import Clock, World

SCREENS = Path(__file__).parent / "fixtures" / "top"
_TRIES = 600  # of 25 ms


class Screen:
    """What a person sees, and the keys that they press."""

    def __init__(self, world: World, app: Top, pilot: Pilot[None]) -> None:
        self.world = world
        self.app = app
        self.pilot = pilot

    @property
    def text(self) -> str:
        """The screen that lies on top, as plain text."""
        screen = self.app.screen
        strips = screen._compositor.render_strips()
        return "".join(f"{strip.text.rstrip()}\n" for strip in strips)

    async def until(self, come: Callable[[], bool]) -> None:
        """Wait until something holds."""
        for _ in range(_TRIES):
            await self.pilot.pause()
            if come():
                return
            await asyncio.sleep(0.025)
        raise AssertionError(f"it did not come about:\n{self.text}")

    async def shows(self, *texts: str) -> None:
        """Wait until all of these are to be seen."""
        await self.until(lambda: all(text in self.text for text in texts))

    async def lacks(self, text: str) -> None:
        """Wait until this is to be seen no more."""
        await self.until(lambda: text not in self.text)

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Write a text where the cursor is."""
        await self.pilot.pause()
        assert self.app.focused is not None
        self.app.focused.post_message(Paste(text))
        await self.shows(text)

    async def choose(self, item_id: str) -> None:
        """Go to an item."""
        for _ in range(50):
            if self.chosen == item_id:
                return
            await self.press("down")
        raise AssertionError(f"{item_id} is not there:\n{self.text}")

    @property
    def chosen(self) -> str:
        """The id of the chosen item."""
        return self.app.screen_stack[0].query_one(Items).chosen

    async def tick(self, *, drain: bool = False) -> None:
        """A pass of the factory beside it."""
        await asyncio.to_thread(self.world.tick, drain=drain)

    async def command(self, *arguments: str) -> None:
        """A command that somebody runs in another terminal."""
        await asyncio.to_thread(self.world.command, *arguments)

    async def is_as_kept(self, name: str) -> None:
        """Wait until it is the same as in the file of this name; FACTORY_KEEP_SCREENS=1 writes that."""
        kept = SCREENS / f"{name}.txt"
        if os.environ.get("FACTORY_KEEP_SCREENS"):
            kept.parent.mkdir(exist_ok=True)
            await asyncio.sleep(1)
            kept.write_text(self.text)
        await self.until(lambda: self.text == kept.read_text())


def watched(
    world: World, story: Callable[[Screen], Awaitable[None]], size: tuple[int, int] = (80, 24), ground: str = DARK
) -> Top:
    """What happens in front of mission control, which is ended then; afterwards nobody looks any more."""

    async def play() -> Top:
        app = Top(world.root, ground, Clock(world))
        async with app.run_test(size=size) as pilot:
            await story(Screen(world, app, pilot))
        return app

    app = asyncio.run(play())
    app.looking.result()
    return app
