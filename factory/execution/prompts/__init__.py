"""Prompts: templates over data that is never a template itself."""
