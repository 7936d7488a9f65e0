"""The line an item goes down: intake, dispatch, review, apply, and the orchestrator that moves it."""
