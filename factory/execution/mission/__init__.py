"""What a run of a mission has that others do not: the checks of the plan that it proposes."""
