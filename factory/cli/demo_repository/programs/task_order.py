"""The order in which tasks can be done that wait for one another."""

Tasks = dict[str, list[str]]


class CircleError(ValueError):
    """Some tasks wait for each other for ever."""


def task_order(waits_for: Tasks) -> list[str]:
    """Every task after all that it waits for; of several that are ready, the first by name."""
    names = set(waits_for).union(*waits_for.values())
    open_count = {name: len(set(waits_for.get(name, []))) for name in names}
    ready = sorted(name for name in names if open_count[name] == 0)
    order: list[str] = []
    while ready:
        done = ready.pop(0)
        order.append(done)
        for name in sorted(names):
            if done in waits_for.get(name, []):
                open_count[name] -= 1
                if open_count[done] == 0:
                    ready.append(name)
        ready.sort()
    if len(order) < len(names):
        raise CircleError(", ".join(sorted(names.difference(order))))
    return order
