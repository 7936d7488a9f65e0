"""The one door to git: its processes, its objects, and the commit protocol."""
