"""How hypothesis runs the machine: as chance has it from a seed, and without looking for a shorter one."""

from hypothesis import HealthCheck, Phase, settings


def of_length(machines: int, steps: int) -> settings:
    """So many machines of so many steps each."""
    return settings(
        max_examples=machines,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
