"""Routes over a map of places and the places next to them."""

from collections import deque

Map = dict[str, list[str]]


def shortest_route(neighbours: Map, start: str, goal: str) -> list[str]:
    """The places on a route with the fewest steps, both ends included; empty if there is none."""
    came_from = {start: ""}
    waiting = deque([start])
    while waiting:
        place = waiting.pop()
        if place == goal:
            return _back_to_start(came_from, goal)
        for neighbour in neighbours.get(place, []):
            if neighbour not in came_from:
                came_from[neighbour] = place
                waiting.append(neighbour)
    return []


def _back_to_start(came_from: dict[str, str], goal: str) -> list[str]:
    route = [goal]
    while came_from[route[-1]]:
        route.append(came_from[route[-1]])
    return route[::-1]
