"""Who works on an item: the agents that its contract names, and which of them a waiting item gets now."""

from factory.line.snapshot import ItemState


def candidates(state: ItemState) -> tuple[str, ...]:
    """The agents that an item's next run may be made by; none where a command works, or a change is undone."""
    if state.contract is None or state.item is None or state.item.reverts:
        return ()
    return state.contract.worker.agents
