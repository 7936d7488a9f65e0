"""`python3 -m shop PORT`: the shop, with its data in the home folder."""

import sys
from pathlib import Path

from shop.data import opened
from shop.server import serve

serve(opened(str(Path.home() / "shop.sqlite")), int(sys.argv[1]))
