"""What coding agents print while they work, read as it comes: one module for each, and what they have in common."""
