"""The factory over HTTP: the interface of the Symphony specification, and a page."""
