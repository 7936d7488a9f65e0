"""Small programs of everyday use, one file each."""
