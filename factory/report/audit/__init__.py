"""The audit: whether a history is one that the factory, keeping its own rules, could have made. Reads commits alone."""
