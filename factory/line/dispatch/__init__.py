"""Dispatch: what may start is started."""
