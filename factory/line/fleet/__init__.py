"""Several repositories at work at once: a process for each, and one that lends them slots."""
