"""The graph: which items depend on each other, as they say and as history shows, and what that holds up."""
