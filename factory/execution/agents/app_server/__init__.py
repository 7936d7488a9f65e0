"""Codex as an app-server: a conversation of JSON-RPC messages over its standard input and output."""
