"""Kills: where a program on its way to the remote and back ends at once."""

# name -> (what is done there, whether it ends before or after that)
PLACES = {
    "before the push": ("remote.Remote", "push", "before"),
    "between acceptance and this clone": ("remote.Remote", "push", "after"),
    "before it is noted what both have": ("remote.Remote", "agree", "before"),
    "after the fetch": ("remote.Remote", "fetch", "after"),
    "before the local publish": ("commits.Publisher", "publish", "before"),
    "before the index": ("index.Index", "adopt", "before"),
    "between index and branch": ("commits.Publisher", "_move_refs", "before"),
    "between branch and files": ("checkout.Checkout", "update", "before"),
    "among the files": ("checkout.Checkout", "_write", "before"),
    "before the index is let go of": ("index.Index", "forget", "before"),
    "after the local publish": ("commits.Publisher", "publish", "after"),
}

_KILLING = """
import os
from factory.store.repository import checkout, commits, index, remote

left = {number}
step = {owner}.{name}

def counted(*arguments, **more):
    global left
    left -= 1
    if left < 0 and "{when}" == "before":
        os._exit(9)
    done = step(*arguments, **more)
    if left < 0:
        os._exit(9)
    return done

{owner}.{name} = counted
"""


def killing(where: str, number: int) -> str:
    """Python that makes a program end at a place, once it has been there so many times."""
    owner, name, when = PLACES[where]
    return _KILLING.format(owner=owner, name=name, when=when, number=number)
