"""A git repository that is a factory: task files in, reviewed and merged changes out."""

__version__ = "0.1.0"
