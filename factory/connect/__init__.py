"""Connect: other worlds than this repository, and what they are told."""
