"""The whole orchestrator on a simulated machine: chance, faults and crashes by a seed, the same history each time."""
