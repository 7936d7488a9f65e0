"""A mission: the plan of it, and its assertions."""
