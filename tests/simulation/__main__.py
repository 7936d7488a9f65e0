"""`python -m tests.simulation`: many seeds, one of them told in full, or made short; and what is planted, found."""

import argparse
import gc
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import click

from tests.simulation.clone import Played
from tests.simulation.instants import ACTS, MODES, instants, wrong
from tests.simulation.mission import Size, carried_out
from tests.simulation.mutants import MUTANTS, hunt
from tests.simulation.play import play
from tests.simulation.shrink import shrunk
from tests.simulation.steps import Script, script_of

_SHARE = 0.95  # of the mutants has to be found
_AT_ONCE = 20  # seeds that a process is given
_YOUNG = 20_000  # objects that are made before it is looked which of them are left


def main() -> int:
    """Exit status 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--length", type=int, default=50, help="steps of each script")
    commands = parser.add_subparsers(required=True)
    seeds = commands.add_parser("seeds", help="play many, each by its seed")
    seeds.add_argument("--first", type=int, default=1)
    seeds.add_argument("--many", type=int, default=1000)
    seeds.add_argument("--processes", type=int, default=2)
    seeds.add_argument("--go-on", action="store_true", help="also after the first that is wrong")
    seeds.set_defaults(call=_seeds)
    one = commands.add_parser("play", help="play one, by its seed or of a file, and tell all that happens")
    one.add_argument("script")
    one.set_defaults(call=_play)
    short = commands.add_parser("shrink", help="the shortest script that fails as this seed does")
    short.add_argument("script")
    short.add_argument("-o", "--output", type=Path)
    short.set_defaults(call=_shrink)
    moments = commands.add_parser("instants", help="a person's act in each instant in which a merge train lands")
    moments.add_argument("--stride", type=int, default=1, help="operations from one to the next")
    moments.add_argument("--processes", type=int, default=2)
    moments.set_defaults(call=_instants)
    mission = commands.add_parser("mission", help="a long one: 200 assertions, 72 hours, a kill a minute")
    mission.add_argument("--seed", type=int, default=1)
    mission.set_defaults(call=_mission)
    planted = commands.add_parser("mutants", help="plant each fault of the list, and look for it")
    planted.add_argument("--many", type=int, default=400, help="seeds for each")
    planted.add_argument("--only", default="", help="those whose file or line holds this")
    planted.add_argument("--processes", type=int, default=2)
    planted.set_defaults(call=_mutants)
    arguments = parser.parse_args()
    status: int = arguments.call(arguments)
    return status


def _script(arguments: argparse.Namespace) -> Script:
    text: str = arguments.script
    return script_of(int(text), arguments.length) if text.isdecimal() else Script.read(Path(text))


def at_ease() -> None:
    """Look less often for what nobody refers to any more: what a process has loaded stays."""
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 100)


def _some(seeds: list[int], length: int) -> list[tuple[int, Played]]:
    return [(seed, play(script_of(seed, length))) for seed in seeds]


def _chunks(first: int, many: int, size: int) -> Iterator[list[int]]:
    seeds = iter(range(first, first + many))
    while chunk := list(islice(seeds, size)):
        yield chunk


def _seeds(arguments: argparse.Namespace) -> int:
    began, done, wrong, operations, crashes = time.monotonic(), 0, 0, 0, 0
    with ProcessPoolExecutor(arguments.processes, initializer=at_ease) as pool:
        # One process has nobody to share with, and ends with the first that is wrong.
        chunks = list(_chunks(arguments.first, arguments.many, _AT_ONCE if arguments.processes > 1 else 1))
        for found in pool.map(_some, chunks, [arguments.length] * len(chunks)):
            for seed, played in found:
                done, operations, crashes = done + 1, operations + played.operations, crashes + played.crashes
                if played.violations:
                    wrong += 1
                    click.echo(f"seed {seed}: {'; '.join(played.violations)}")
            rate = done / (time.monotonic() - began)
            click.echo(f"\r{done} of {arguments.many} seeds, {rate:.1f} a second", nl=False, err=True)
            if wrong and not arguments.go_on:
                pool.shutdown(cancel_futures=True)
                break
    seconds = time.monotonic() - began
    click.echo(f"\n{done} seeds in {seconds:.0f} s ({done / seconds:.1f} a second), {wrong} with something wrong")
    click.echo(f"{operations} operations on disks, {crashes} crashes")
    return 1 if wrong else 0


def _play(arguments: argparse.Namespace) -> int:
    played = play(_script(arguments), tell=click.echo)
    click.echo("\n".join(played.violations))
    click.echo(f"{played.head}: {played.commits} commits, {played.operations} operations, {played.crashes} crashes")
    return 1 if played.violations else 0


def _shrink(arguments: argparse.Namespace) -> int:
    script = _script(arguments)
    kinds = _kinds(play(script))
    if not kinds:
        click.echo("nothing is wrong with it")
        return 0
    short = shrunk(script, lambda each: bool(kinds & _kinds(play(each))))
    text = short.to_json()
    if arguments.output:
        arguments.output.write_text(text)
    click.echo("\n".join([text, *play(short).violations]))
    return 1


def _mutants(arguments: argparse.Namespace) -> int:
    wanted = [each for each in MUTANTS if arguments.only in str(each)]
    found = 0
    for mutant, said in hunt(wanted, arguments.many, arguments.length, arguments.processes):
        found += bool(said)
        click.echo(f"{'found' if said else 'NOT FOUND'}: {mutant}\n    {said[:160]}")
    click.echo(f"{found} of {len(wanted)} found")
    return 0 if found >= _SHARE * len(wanted) else 1


def _mission(arguments: argparse.Namespace) -> int:
    at_ease()
    began, ended = time.monotonic(), carried_out(Size(), arguments.seed)
    click.echo("\n".join([*ended.wrong, f"{ended}; {time.monotonic() - began:.0f} s"]))
    return 1 if ended.wrong or ended.passed < Size().assertions else 0


def _instants(arguments: argparse.Namespace) -> int:
    asked = [each for act in ACTS for mode in MODES for each in instants(act, mode, arguments.stride)]
    failed = 0
    with ProcessPoolExecutor(arguments.processes, initializer=at_ease) as pool:
        for instant, found in zip(asked, pool.map(wrong, asked, chunksize=_AT_ONCE), strict=True):
            failed += bool(found)
            click.echo("\n".join(f"{instant}: {each}" for each in found), nl=bool(found))
    click.echo(f"{len(asked)} instants, {failed} with something wrong")
    return 1 if failed else 0


def _kinds(played: Played) -> set[str]:
    """What is wrong, without what chance makes of it."""
    words = (each.split()[:6] for each in played.violations)
    return {" ".join(word for word in some if not any(map(str.isdigit, word))) for some in words}


if __name__ == "__main__":
    sys.exit(main())
