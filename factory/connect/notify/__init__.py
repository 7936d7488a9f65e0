"""Notifications: whoever publishes what people want to know of tells them, once, and waits for nobody."""
