"""Mounting a simulated disk: while it is, this process finds it below its prefix, through Python's own functions."""

import glob
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import NamedTuple

from tests.simulation.disk.descriptors import FIRST
from tests.simulation.disk.disk import Disk
from tests.simulation.disk.routes import MOUNT, Result, by_text, routes

_ROUTES = routes()
# The import system and Python's own parts go on with the machine's files.
_UNTOUCHED = {"posix", "_io", __name__, "tests.simulation.disk.routes"}
_KNOWN_BY = (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks)
_KNOWN = tuple({_ROUTES[id(each)] for each in functions if id(each) in _ROUTES} for functions in _KNOWN_BY)


class Site(NamedTuple):
    """Where a loaded module keeps a function that is routed: the attribute of what, and its two values."""

    owner: object
    name: str
    real: object
    routed: object


_SITES: list[Site] = []
_LOOKED_THROUGH: dict[str, ModuleType] = {}


def shorten(real: Callable[[str], Result], ours: Callable[[Disk, str], Result]) -> None:
    """Let a function that takes a path, and works by those of `os`, be answered by the disk in one step."""
    _ROUTES[id(real)] = by_text(real, ours)
    _SITES.clear()
    _LOOKED_THROUGH.clear()


@contextmanager
def mounted(disk: Disk) -> Iterator[None]:
    """Put the disk below its prefix. Names of temporary files are the disk's own meanwhile, also elsewhere.

    Whatever this process has loaded goes by it, whether it names a function through its module or has it by itself.
    Raises RuntimeError when a disk is mounted already.
    """
    if MOUNT.first == FIRST:
        raise RuntimeError("one disk at a time is mounted")
    _look_through_new_modules()
    names = iter(disk.temporary_name, "")
    sites = [*_SITES, Site(tempfile, "_name_sequence", vars(tempfile)["_name_sequence"], names)]
    MOUNT.put(disk, disk.prefix, FIRST)
    try:
        for site in sites:
            setattr(site.owner, site.name, site.routed)
        for functions, routed in zip(_KNOWN_BY, _KNOWN, strict=True):
            functions.update(routed)
        yield
    finally:
        for site in sites:
            setattr(site.owner, site.name, site.real)
        for functions, routed in zip(_KNOWN_BY, _KNOWN, strict=True):
            functions.difference_update(routed)
        MOUNT.put_away()


def _look_through_new_modules() -> None:
    for name, module in list(sys.modules.items()):
        if name in _UNTOUCHED or _LOOKED_THROUGH.get(name) is module:
            continue
        _LOOKED_THROUGH[name] = module
        parts = list(getattr(module, "__dict__", {}).items())
        _SITES.extend(Site(module, part, value, _ROUTES[id(value)]) for part, value in parts if id(value) in _ROUTES)
        if module in (glob, tempfile):
            for _, value in parts:
                if isinstance(value, type):
                    _SITES.extend(_sites_of(value))


def _sites_of(owner: type) -> Iterator[Site]:
    """Where a class has a function as its own, or a method has one as what is meant when nothing is said."""
    for name, value in list(vars(owner).items()):
        if isinstance(value, staticmethod) and id(value.__func__) in _ROUTES:
            yield Site(owner, name, value, staticmethod(_ROUTES[id(value.__func__)]))
        elif isinstance(value, FunctionType) and value.__defaults__:
            routed = tuple(_ROUTES.get(id(each), each) for each in value.__defaults__)
            yield Site(value, "__defaults__", value.__defaults__, routed)
