"""Finding what a path means on the simulated disk, with a memory of the folders that were found."""

import errno
import os

from tests.simulation.disk.inodes import FOLDER, LINK, Crash, Inode, error

MOST_LINKS = 40
_LONGEST_NAME = 255
_LONGEST_PATH = 4095
_ODD = frozenset({"", ".", ".."})  # last parts of a path that are no name in its folder
_NOWHERE = Inode(0, FOLDER, 0, 0)
_NOWHERE.links = 0
_UNKNOWN = (_NOWHERE, "", False)


class Lookup:
    """The tree of names. Paths are absolute, or begin at the folder `base`."""

    def __init__(self, prefix: str, now: int) -> None:
        self.prefix = prefix
        self._numbers = 1  # the last inode number that was given
        self._crashed = False
        self._links_left = 0
        self._upwards = False  # whether a path was followed through `..`, and so stands on a folder it does not end in
        self.root = self._new(FOLDER, 0o755, now)
        # By the text of a path. Right until a folder moves or a link goes; one that was removed has no links left.
        self._folders: dict[str, Inode] = {}
        # By the text of a path, the folder in which a name on its way is missing, that name, whether it is the last.
        self._absent: dict[str, tuple[Inode, str, bool]] = {}
        place = self.root
        for part in prefix.strip("/").split("/"):
            place.links += 1
            child = place.names[part] = self._new(FOLDER, 0o755, now)
            child.parent = place
            place = child

    def _new(self, kind: int, mode: int, now: int) -> Inode:
        self._numbers += 1
        return Inode(self._numbers, kind, mode, now)

    def _find(self, path: str, base: Inode | None, follow: bool) -> Inode:
        if base is None:
            head, _, name = path.rpartition("/")
            folder = self._folders.get(head)
            if folder is None or not folder.links:
                folder = self._folder_anew(head, path)
            child = folder.names.get(name)
            if child is not None:
                if not (follow and child.kind == LINK):
                    return child
            elif name not in _ODD:
                self._check(name, path)
                raise error(errno.ENOENT, path)
        found = self._walk(path, base, follow)[2]
        if found is None:
            raise error(errno.ENOENT, path)
        return found

    def _folder_anew(self, head: str, whole: str) -> Inode:
        """The folder in which a path's last name lies; it is remembered."""
        if self._crashed:
            raise Crash
        if len(whole) > _LONGEST_PATH:
            raise error(errno.ENAMETOOLONG, whole)
        found = self._folders[head] = self._folder_below(head, whole) if head else self.root
        return found

    def _folder_below(self, head: str, whole: str) -> Inode:
        """The folder at an absolute path; it is remembered when there is none."""
        if self._crashed:
            raise Crash
        if self._is_absent(head):
            raise error(errno.ENOENT, whole if self._absent[head][2] else head)
        try:
            return self._folder_at(head, None, whole)
        except FileNotFoundError:
            self._note_absent(head)
            raise

    def _is_absent(self, head: str) -> bool:
        """Whether it is known that nothing lies at a path."""
        place, name, _ = self._absent.get(head, _UNKNOWN)
        return place.links > 0 and name not in place.names

    def _note_absent(self, head: str) -> None:
        """Remember the first name that is missing, where no link and nothing odd stands before it."""
        place = self.root
        parts = head[1:].split("/")
        for number, part in enumerate(parts, 1):
            child = place.names.get(part)
            if child is None and part not in _ODD:
                self._absent[head] = place, part, number == len(parts)
                return
            if child is None or child.kind != FOLDER:
                return
            place = child

    def _forget_paths(self) -> None:
        self._folders.clear()
        self._absent.clear()

    def _place(self, path: str, base: Inode | None) -> tuple[Inode, str]:
        """The folder in which a path's last name lies, and that name: empty for the root and for `.` and `..`."""
        head, _, name = path.rpartition("/")
        folder = self._folders.get(head) if base is None else None
        if folder is None or not folder.links or name in _ODD:
            return self._place_anew(path, base)
        return folder, name

    def _place_anew(self, path: str, base: Inode | None) -> tuple[Inode, str]:
        head, _, name = path.rstrip("/").rpartition("/")
        if name in _ODD:
            return self._folder_at(path, base, path), ""
        if head:
            folder = self._folder_below(head, path) if base is None else self._folder_at(head, base, path)
        else:
            folder = self.root if path[0] == "/" else self._folder_at(".", base, path)
        if base is None:
            self._folders[head] = folder
        return folder, name

    def _folder_at(self, path: str, base: Inode | None, whole: str) -> Inode:
        if self._crashed:
            raise Crash
        found = self._walk(path, base, follow=True)[2]
        if found is None or found.kind != FOLDER:
            raise error(errno.ENOENT if found is None else errno.ENOTDIR, whole)
        return found

    def _walk(self, path: str, base: Inode | None, follow: bool) -> tuple[Inode, str, Inode | None]:
        """(folder, name in it, what is there) of a path."""
        if self._crashed:
            raise Crash
        if not path:
            raise error(errno.ENOENT, path)
        if len(path) > _LONGEST_PATH:
            raise error(errno.ENAMETOOLONG, path)
        self._links_left = MOST_LINKS
        return self._steps(path, base or self.root, follow, path)

    def _steps(self, path: str, base: Inode, follow: bool, whole: str) -> tuple[Inode, str, Inode | None]:
        parts = [part for part in path.split("/") if part and part != "."]
        to_folder = path.endswith(("/", "/.")) or path == "."
        place = self.root if path[0] == "/" else base
        holder, name = place, ""
        for index, part in enumerate(parts):
            if place.kind != FOLDER:
                raise error(errno.ENOTDIR, whole)
            last = index == len(parts) - 1
            if part == "..":
                self._upwards = True
                place = place.parent
                holder, name = place, ""
                continue
            child = place.names.get(part)
            holder, name = place, part
            if child is None:
                self._check(part, whole)
            elif child.kind == LINK and (follow or to_folder or not last):
                holder, name, child = self._follow(child, place, whole)
            if child is None:
                if last and not to_folder:
                    return holder, name, None
                raise error(errno.ENOENT, whole)
            place = child
        if to_folder and place.kind != FOLDER:
            raise error(errno.ENOTDIR, whole)
        return holder, name, place

    def _follow(self, link: Inode, place: Inode, whole: str) -> tuple[Inode, str, Inode | None]:
        self._links_left -= 1
        if self._links_left < 0:
            raise error(errno.ELOOP, whole)
        return self._steps(link.target, place, True, whole)

    @staticmethod
    def _check(name: str, whole: str) -> None:
        """Whether anything can have this name."""
        if name.isascii() and len(name) <= _LONGEST_NAME and "\0" not in name:
            return
        if "\0" in name:
            raise ValueError("embedded null byte")
        if len(os.fsencode(name)) > _LONGEST_NAME:
            raise error(errno.ENAMETOOLONG, whole)
