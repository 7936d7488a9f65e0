"""Intake: what people wrote is taken in."""
