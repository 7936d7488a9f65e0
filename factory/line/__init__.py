"""The line an item goes down: evidence, gate, apply, and the orchestrator that moves it."""
