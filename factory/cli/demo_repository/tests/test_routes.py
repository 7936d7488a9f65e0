import unittest

from programs.routes import shortest_route

ISLANDS = {
    "harbour": ["market", "mill", "beach"],
    "market": ["church"],
    "mill": ["farm"],
    "farm": ["church"],
    "beach": ["cliff"],
    "cliff": ["lighthouse"],
    "church": ["lighthouse"],
    "lighthouse": ["harbour"],
    "rock": [],
}


class Routes(unittest.TestCase):
    def test_the_route_has_the_fewest_steps(self) -> None:
        self.assertEqual(shortest_route(ISLANDS, "harbour", "church"), ["harbour", "market", "church"])
        self.assertEqual(len(shortest_route(ISLANDS, "mill", "beach")), 6)

    def test_being_there_already(self) -> None:
        self.assertEqual(shortest_route(ISLANDS, "mill", "mill"), ["mill"])

    def test_no_way(self) -> None:
        self.assertEqual(shortest_route(ISLANDS, "harbour", "rock"), [])
        self.assertEqual(shortest_route(ISLANDS, "rock", "harbour"), [])

    def test_a_circle_ends(self) -> None:
        self.assertEqual(shortest_route({"a": ["b"], "b": ["a"]}, "a", "c"), [])

    def test_a_shortcut_found_late(self) -> None:
        places = {"a": ["z", "b"], "b": ["c"], "c": ["d"], "d": ["e"], "z": ["e"]}
        self.assertEqual(shortest_route(places, "a", "e"), ["a", "z", "e"])
