"""Redaction: no secret is written down."""
