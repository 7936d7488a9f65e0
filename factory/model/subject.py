"""The subject: the digest of exactly what is judged."""

from collections.abc import Mapping

from pydantic import JsonValue

from factory.model.base import digest, digest_of


def subject_of(
    item: bytes, contract: bytes, governing: JsonValue, patch: bytes, left_by_worker: Mapping[str, str]
) -> str:
    """The digest over item, contract, governing policy, patch, and the digests of the worker's artifacts by path."""
    return digest_of(
        {
            "item": digest(item),
            "contract": digest(contract),
            "policy": digest_of(governing),
            "patch": digest(patch),
            "artifacts": dict(left_by_worker),
        }
    )
