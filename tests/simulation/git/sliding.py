"""Groups of changed lines, slid to where people expect them, as git does (xdl_change_compact)."""

from collections.abc import Sequence

_MOST_SLIDING, _MOST_BLANKS, _MOST_INDENT = 100, 20, 200


class _Group:
    """Neighbouring lines that changed, which may be none, and what lies before and after."""

    def __init__(self, changed: bytearray, size: int) -> None:
        self._changed, self._size = changed, size
        self.start = self.end = 0
        while changed[self.end]:
            self.end += 1

    def next(self) -> bool:
        """Go to the next one; False at the end."""
        if self.end == self._size:
            return False
        self.start = self.end = self.end + 1
        while self._changed[self.end]:
            self.end += 1
        return True

    def previous(self) -> None:
        """Go to the one before."""
        self.end = self.start = self.start - 1
        while self._changed[self.start - 1]:
            self.start -= 1

    def slides_down(self, lines: Sequence[bytes]) -> bool:
        """Move it by one line, if that tells the same."""
        if self.end == self._size or lines[self.start] != lines[self.end]:
            return False
        self._changed[self.start] = 0
        self._changed[self.end] = 1
        self.start += 1
        self.end += 1
        while self._changed[self.end]:
            self.end += 1
        return True

    def slides_up(self, lines: Sequence[bytes]) -> bool:
        """Move it back by one line, if that tells the same."""
        if self.start == 0 or lines[self.start - 1] != lines[self.end - 1]:
            return False
        self.start -= 1
        self.end -= 1
        self._changed[self.start] = 1
        self._changed[self.end] = 0
        while self._changed[self.start - 1]:
            self.start -= 1
        return True


def compact(lines: Sequence[bytes], changed: bytearray, other: bytearray, size_other: int, *, indent: bool) -> None:
    """Slide groups to where people expect them (xdl_change_compact)."""
    group, there = _Group(changed, len(lines)), _Group(other, size_other)
    while True:
        if group.end > group.start:
            _slide(lines, group, there, indent=indent)
        if not group.next():
            return
        there.next()


def _slide(lines: Sequence[bytes], group: _Group, there: _Group, *, indent: bool) -> None:
    while True:
        size = group.end - group.start
        matching = -1
        while group.slides_up(lines):
            there.previous()
        earliest = group.end
        if there.end > there.start:
            matching = group.end
        while group.slides_down(lines):
            there.next()
            if there.end > there.start:
                matching = group.end
        if size == group.end - group.start:
            break
    if group.end == earliest:
        return
    if matching != -1:
        while there.end == there.start:
            group.slides_up(lines)
            there.previous()
    elif indent:
        best = _best_shift(lines, group.end, size, earliest)
        while group.end > best:
            group.slides_up(lines)
            there.previous()


def _best_shift(lines: Sequence[bytes], end: int, size: int, earliest: int) -> int:
    best = -1
    best_indent = best_penalty = 0
    for shift in range(max(earliest, end - size - 1, end - _MOST_SLIDING), end + 1):
        scores = (_score(lines, shift), _score(lines, shift - size))
        indent, penalty = (sum(values) for values in zip(*scores, strict=True))
        compared = 60 * ((indent > best_indent) - (indent < best_indent)) + penalty - best_penalty
        if best == -1 or compared <= 0:
            best, best_indent, best_penalty = shift, indent, penalty
    return best


def _indent(line: bytes) -> int:
    found = 0
    for letter in line:
        if letter not in b" \t\n\r\v\f":
            return found
        if letter == 32:
            found += 1
        elif letter == 9:
            found += 8 - found % 8
        if found >= _MOST_INDENT:
            return _MOST_INDENT
    return -1


def _around(lines: Sequence[bytes], places: range) -> tuple[int, int]:
    """(blank lines, indent of the first that is not)."""
    blank = 0
    for at in places:
        found = _indent(lines[at])
        if found != -1:
            return blank, found
        blank += 1
        if blank == _MOST_BLANKS:
            return blank, 0
    return blank, -1


def _score(lines: Sequence[bytes], at: int) -> tuple[int, int]:
    """(indent, penalty) of a difference that begins or ends here (score_add_split)."""
    own = _indent(lines[at]) if at < len(lines) else -1
    pre_blank, pre = _around(lines, range(at - 1, -1, -1))
    post_blank, post = _around(lines, range(at + 1, len(lines)))
    penalty = (1 if pre == -1 and pre_blank == 0 else 0) + (21 if at >= len(lines) else 0)
    blank_after = 1 + post_blank if own == -1 else 0
    blank = pre_blank + blank_after
    penalty += -30 * blank + 6 * blank_after
    indent = own if own != -1 else post
    if indent == -1 or pre == -1 or indent == pre:
        return indent, penalty
    if indent > pre:
        return indent, penalty + (10 if blank else -4)
    if post != -1 and post > indent:
        return indent, penalty + (17 if blank else 24)
    return indent, penalty + (17 if blank else 23)
