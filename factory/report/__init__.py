"""Views folded from journals and commits; nothing here changes anything."""
