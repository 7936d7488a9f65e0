"""A simulated disk: a file system in memory, what it may lose, and how it is mounted in the place of a folder."""
