"""Folders split by day: which day holds what."""

from factory.store.repository.objects import Objects


class Days:
    """Finds names in `<folder>/<yyyy-mm-dd>/`, and lists each state of the folder only once."""

    def __init__(self, objects: Objects, folder: str, suffix: str = "") -> None:
        self._objects = objects
        self._folder = folder
        self._suffix = suffix
        self._listed = ""
        self._days: dict[str, str] = {}
        self._known: dict[str, str] = {}  # the day of each day's tree that is in `_days` already

    def day(self, tree: str, name: str) -> str | None:
        """The day under which a name lies; None when it lies under none."""
        folder = self._objects.find(tree, self._folder)
        if folder is None:
            return None
        if folder.oid != self._listed:
            self._list(folder.oid)
        return self._days.get(name)

    def _list(self, folder: str) -> None:
        days = {day: entry.oid for day, entry in self._objects.tree(folder).items() if entry.is_folder}
        changed = {day for day in days.keys() | self._known.keys() if days.get(day) != self._known.get(day)}
        if changed:
            kept = {name: day for name, day in self._days.items() if day not in changed}
            for day in changed & days.keys():
                kept |= {name.removesuffix(self._suffix): day for name in self._objects.tree(days[day])}
            self._days = kept
        self._known, self._listed = days, folder
