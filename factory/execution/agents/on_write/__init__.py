"""A contract's `on_write`: commands that run after each file that a worker writes, and once more when it has ended."""
