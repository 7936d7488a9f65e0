import unittest

from shop.data import opened
from shop.server import answer


class Server(unittest.TestCase):
    def setUp(self):
        self.data = opened(":memory:")

    def test_it_says_that_it_is_open(self):
        self.assertEqual(answer(self.data, "GET", "/health").status, 200)

    def test_what_is_not_there_is_said_in_json(self):
        self.assertEqual(answer(self.data, "GET", "/nowhere")[:2], (404, "application/json"))

    def test_what_is_no_json_is_refused(self):
        self.assertEqual(answer(self.data, "POST", "/health", b"{").status, 400)
