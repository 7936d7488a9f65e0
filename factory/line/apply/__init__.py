"""Apply: what was approved is carried out."""
