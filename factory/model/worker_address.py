"""The addresses by which commits say that a worker made them, and for which item: at a host that nobody can have."""

WORKERS = "@workers.factory.invalid"


def worker_address(item_id: str) -> str:
    """The address of an item's worker."""
    return f"{item_id}{WORKERS}"


def item_of_worker(address: str) -> str:
    """The item whose worker has an address; empty when it is no worker's."""
    return address.removesuffix(WORKERS) if address.endswith(WORKERS) else ""
