"""Fuzz: inputs that nobody would write, through the doors by which files come in and through whole commands."""
