"""Review: what was delivered is assessed and decided."""
