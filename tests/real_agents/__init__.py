"""Real coding agents in the whole line, with a model that is a script."""
