"""The subject: the digest of exactly what is judged."""

from collections.abc import Mapping

from pydantic import JsonValue

from factory.model.base import digest, digest_of
from factory.model.item import Item

# When an item runs, not what it asks for: a person may hold it or hurry it without making a verdict stale.
_NOT_JUDGED = {"hold", "priority", "scope"}


def task_of(item: Item) -> str:
    """The digest of what an item asks for."""
    return digest_of(item.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_JUDGED))


def subject_of(
    item: Item, contract: bytes, governing: JsonValue, patch: bytes, left_by_worker: Mapping[str, str]
) -> str:
    """The digest over item, contract, governing policy, patch, and the digests of the worker's artifacts by path."""
    return digest_of(
        {
            "item": task_of(item),
            "contract": digest(contract),
            "policy": digest_of(governing),
            "patch": digest(patch),
            "artifacts": dict(left_by_worker),
        }
    )
