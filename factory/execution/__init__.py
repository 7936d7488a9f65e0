"""One run, knowing no queue: from a request to an outcome, in this process or elsewhere."""
