"""The simulation: the factory on machines that are made up."""
