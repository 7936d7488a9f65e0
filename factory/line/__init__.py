"""The line an item goes down: intake, collect, review, apply, dispatch, and the orchestrator that moves it."""
