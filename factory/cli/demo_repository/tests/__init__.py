"""What the programs are expected to do."""
