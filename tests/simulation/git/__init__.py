"""Git in this process: its plumbing and a person's commands, on a repository's own files."""
