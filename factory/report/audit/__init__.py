"""The audit: whether a branch's history is what the factory, keeping its own rules, could have made. Reads commits alone."""
