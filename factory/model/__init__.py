"""Words and rules: pure values, no input or output."""
