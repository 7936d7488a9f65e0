"""One run of one worker: its cell, its prompt, its deadlines."""
