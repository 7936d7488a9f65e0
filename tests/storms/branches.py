"""The storm of branches: a person switches, stashes and drops items on branches of their own, beside a busy run."""

import random
import sys
from pathlib import Path

from tests.storms.person import Busy, Person, bring, finish
from tests.world import World

_AN_ITEM = 8  # switches for each


def _drop(world: World, chance: random.Random, ids: list[str]) -> None:
    """An item or a batch, uncommitted, in whatever is checked out."""
    item_id = f"item-{len(ids)}"
    if chance.random() < 0.6:
        bring(world, chance, item_id)
    else:
        steps = f'[[{{"write": {{"path": "out/{item_id}.txt", "text": "{item_id}\\n"}}}}]]'.replace("\n", "\\n")
        line = f'{{"id": "{item_id}", "title": "do it", "contract": "scripted", "inputs": {{"runs": {steps}}}}}\n'
        world.write(f"queue/inbox/batch-{len(ids)}.jsonl", line)
    ids.append(item_id)


def _only_mine(world: World, branch: str) -> None:
    """No move was made on a branch of the person's, which is not merged yet: what it has beyond main is theirs."""
    subjects = [each for each in world.git("log", "--format=%s", f"main..{branch}").split("\n") if each]
    assert subjects, f"{branch} has nothing of its own to look at"
    assert all(subject.startswith("mine") for subject in subjects), subjects


def storm(folder: Path, seed: int, switches: int) -> int:
    """How often a person switched. Raises AssertionError for the first thing that is not as it should be."""
    chance = random.Random(seed)
    world = World.create(folder / "repo")
    world.policy("agent: {max_concurrent_agents: 3, max_retry_backoff_ms: 300}\nretry: {initial_ms: 50}")
    person = Person(world, chance)
    person.begin()
    ids: list[str] = []
    branches: list[str] = []
    made = 0
    with Busy(world):
        while made < switches:
            if len(ids) <= made // _AN_ITEM:
                _drop(world, chance, ids)
            branch = f"feature-{made}"
            person.again("switch", "-q", "-c", branch)
            branches.append(branch)
            if chance.random() < 0.4 and len(ids) <= (made + _AN_ITEM) // _AN_ITEM:
                _drop(world, chance, ids)
            person.edit()
            if chance.random() < 0.3:
                person.again("stash", "push", "-q", "--", "my")
                person.again("stash", "pop", "-q")
            person.save()
            if chance.random() < 0.5:
                person.again("switch", "-q", chance.choice(branches[-3:]))
                person.again("switch", "-q", branch)
                made += 2
            _only_mine(world, branch)
            person.again("switch", "-q", "main")
            person.brings_in("merge", "-q", "--no-edit", branch)
            person.look(f"switch {made}")
            made += 2
    finish(world, ids)
    person.look("the end")
    assert world.status() == ""
    _has_reasons(world)
    for refused in person.refused:
        sys.stdout.write(f"refused: {refused}\n")
    sys.stdout.write(f"{person.share_refused():.1f}% of {person.calls} calls were refused, {len(ids)} items\n")
    return made


def _has_reasons(world: World) -> None:
    """Every commit of the factory's changed something."""
    for line in world.git("log", "--no-merges", "--grep=^factory: ", "--format=%H %T %P").split("\n"):
        commit, tree, parent = line.split(" ")
        assert world.git("rev-parse", f"{parent}^{{tree}}") != tree, f"{commit} changes nothing"
