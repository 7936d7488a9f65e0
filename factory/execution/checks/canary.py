"""The canary: a check that still passes when the product is gone looks at something else, and proves nothing."""

import threading
from collections.abc import Iterable
from dataclasses import replace

from factory.execution.checks.checks_from import from_base
from factory.execution.checks.runner import CheckCall, CheckRunner, contract_calls
from factory.model.canary_answer import Canary, CanaryAnswer, rules_of
from factory.model.errors import FactoryError
from factory.model.globs import matches
from factory.model.instruments import named
from factory.model.product import DOCUMENTATION, is_yardstick
from factory.store.canaries import Canaries
from factory.store.repository.objects import EMPTY_TREE, Objects, TreeEntry
from factory.store.repository.trees import TreeEditor, diff

_EMPTY = b""
# No language, format or linter takes this: brackets and quotes without end, no UTF-8, marks of a conflict.
_UNPARSABLE = b"<<<<<<< \xff\xfe ((( [[[ {{{ \"'`\n\t) ] }  \n=======\n\xc3\x28 <% <<EOF \\"
_LEAST_MINUTES, _TIMES = 1.0, 5
_LOOKED_AGAIN_S = 0.2
_PLAIN_FILES = ("100644", "100755")


class CanaryCheck:
    """Tries a canary once for each contract and environment, and remembers what became of it."""

    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries
        self._trying: dict[tuple[str, str, str], threading.Lock] = {}  # nobody waits for another contract's

    def silent(self, runner: CheckRunner, content: str, target: str) -> tuple[str, ...]:
        """The checks that pass without the product of a content on which they have passed; told at once if known."""
        request = runner.request
        if request.policy.canary == "off" or not request.contract.checks:
            return ()
        asked = request.contract_name, rules_of(request.contract), runner.environment
        trying = self._trying.setdefault(asked, threading.Lock())
        while (found := self._canaries.get(*asked)) is None:  # whoever comes second finds what the first has found
            if runner.control.system.acquire(trying, _LOOKED_AGAIN_S):
                try:
                    found = self._canaries.get(*asked) or self.try_now(runner, content, target)
                finally:
                    trying.release()
                break
            runner.control.alive()
            if runner.control.stop.is_set():
                return ()
        return found.silent if found else ()

    def try_now(self, runner: CheckRunner, content: str, target: str) -> Canary | None:
        """Try it, whatever is known; None when there is nothing to try it on, or it was broken off."""
        request = runner.request
        try:
            # What is altered for it is what no other run has seen, whatever a check says that it reads.
            calls = [replace(each, reusable=False, canary=True) for each in contract_calls(request)]
            answers = {each.name: _answer(runner, each, content, target) for each in calls}
        except (FactoryError, OSError):
            return None  # tried again with the next item; what it was to tell of has passed all the same
        told = {name: answer for name, answer in answers.items() if answer is not None}
        if not told:
            return None
        if runner.control.stop.is_set():
            return None
        found = Canary(
            contract=request.contract_name,
            rules=rules_of(request.contract),
            environment=runner.environment,
            answers=told,
        )
        self._canaries.put(found)
        return found


def _answer(runner: CheckRunner, call: CheckCall, content: str, target: str) -> CanaryAnswer | None:
    """What becomes of one check; None when there is nothing to try it on."""
    objects, allowed = runner.repository.objects, runner.request.contract.produces.patch.paths
    free = _free(objects, content, runner, call)
    product = [path for path in free if matches(path, allowed)]
    if not product:
        return None
    if call.must_fail_before:
        return CanaryAnswer.FAILS  # it has shown that it can
    runner = _hurried(runner, call, content, target)
    if not all(
        _passes(runner, call, _altered(objects, content, product, data), target) for data in (_EMPTY, _UNPARSABLE)
    ):
        return CanaryAnswer.FAILS
    # Only asked of what would be reported: a check of the documentation may well leave the product alone.
    read = [path for path in free if matches(path, DOCUMENTATION)]
    unread = _altered(objects, content, read, _UNPARSABLE)
    return CanaryAnswer.DOCUMENTATION if read and not _passes(runner, call, unread, target) else CanaryAnswer.PASSES


def _passes(runner: CheckRunner, call: CheckCall, tree: str, target: str) -> bool:
    result = runner.run(call, tree, target)
    return result.exit_code == 0 and not result.problem


def _hurried(runner: CheckRunner, call: CheckCall, content: str, target: str) -> CheckRunner:
    """The runner with little more time than the check took when it passed: without the product it may wait for ever."""
    contract = runner.request.contract
    minutes = max(_LEAST_MINUTES, _TIMES * runner.run(call, content, target).seconds / 60)
    limits = contract.limits.model_copy(update={"minutes": min(contract.limits.minutes, minutes)})
    return replace(runner, request=replace(runner.request, contract=contract.model_copy(update={"limits": limits})))


def _free(objects: Objects, content: str, runner: CheckRunner, call: CheckCall) -> list[str]:
    """The plain files of a content that are no test and no setting, and by which the check is not made."""
    every = {each.path: each.new for each in diff(objects, EMPTY_TREE, content) if each.new}
    paths = [path for path, entry in every.items() if entry.mode in _PLAIN_FILES and not is_yardstick(path)]
    kept = named((call.argv,), paths).keys() | set(from_base(runner.request.contract, (call.argv,), paths))
    return [path for path in paths if path not in kept]


def _altered(objects: Objects, content: str, paths: Iterable[str], data: bytes) -> str:
    """The content with other data in these files."""
    editor, blob = TreeEditor(objects, content), objects.add("blob", data)
    for path in paths:
        entry = editor.get(path)
        if entry is not None:
            editor.put(path, TreeEntry(entry.mode, blob))
    return editor.write()
