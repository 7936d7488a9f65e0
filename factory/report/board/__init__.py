"""The board: a whole factory at one commit, as one page that asks for nothing from anywhere."""
