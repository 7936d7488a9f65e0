"""The parts of a deterministic simulation: one process, one thread, and a disk that can lose power."""
