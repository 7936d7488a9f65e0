"""Proof that two versions of the factory tell the same story: record it with each, and compare the records."""
