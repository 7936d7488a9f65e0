"""Workers that come with the factory; each is a command of its own and imports nothing else of it."""
