"""Storms: long runs of chance, beside the suite. `python -m tests.storms` names them."""
