"""The fold: what all items of one commit have come to, which every view is a rendering of."""
