"""Configuration: git's files, and what the environment adds."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from tests.simulation.git import files
from tests.simulation.git.steps import fatal

_HEADER = re.compile(r'\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]')
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}

Pairs = list[tuple[str, str | None]]
_parsed: dict[bytes, Pairs] = {}


class Config:
    """Every value, in the order in which later ones win."""

    def __init__(self, common_dir: str, env: Mapping[str, str]) -> None:
        home = env.get("HOME", "")
        places = [] if env.get("GIT_CONFIG_NOSYSTEM") else ["/etc/gitconfig"]
        if "GIT_CONFIG_GLOBAL" in env:
            places.append(env["GIT_CONFIG_GLOBAL"])
        else:
            places += [f"{env.get('XDG_CONFIG_HOME') or f'{home}/.config'}/git/config", f"{home}/.gitconfig"]
        contents = tuple(files.read(place) or b"" for place in (*places, f"{common_dir}/config"))
        self.pairs, self._last = _together(contents, tuple(files.settings(env)))
        self._home = home

    def get(self, key: str) -> str | None:
        """The value that counts; a key without one is `true`."""
        key = _folded(key)
        if key not in self._last:
            return None
        value = self._last[key]
        return "true" if value is None else value

    def true(self, key: str, default: bool) -> bool:
        """A value that is yes or no."""
        value = self.get(key)
        return default if value is None else as_bool(value, key)

    def path(self, value: str) -> str:
        """A path as git expands it."""
        return f"{self._home}{value[1:]}" if value.startswith("~/") else value

    def fsyncs(self, component: str) -> bool:
        """Whether what is written of this kind (loose-object, pack, reference) is made durable."""
        named = self.get("core.fsync")
        if named is None:
            return component == "pack"
        words = named.split(",")
        return component in words or "all" in words or (component != "reference" and "committed" in words)


@lru_cache(maxsize=256)
def _together(
    contents: tuple[bytes, ...], settings: tuple[tuple[str, str], ...]
) -> tuple[Pairs, dict[str, str | None]]:
    pairs = [pair for content in contents for pair in parse(content)]
    pairs += [(_folded(key), value) for key, value in settings]
    return pairs, dict(pairs)


def _folded(key: str) -> str:
    section, _, rest = key.partition(".")
    middle, dot, name = rest.rpartition(".")
    return f"{section.lower()}.{middle}{dot}{name.lower()}"


def as_bool(value: str, key: str) -> bool:
    """Whether it says yes. Raises Failure."""
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    if value.lstrip("-").isdigit():
        return int(value) != 0
    raise fatal(f"bad boolean config value '{value}' for '{key.lower()}'")


def parse(data: bytes) -> Pairs:
    """The keys and values of one file."""
    found = _parsed.get(data)
    if found is None:
        found = _parsed[data] = _parse(data.decode("utf-8", "surrogateescape"))
    return found


def _parse(text: str) -> Pairs:
    found: Pairs = []
    section = ""
    for line in text.replace("\\\n", "").split("\n"):
        line = line.strip()
        header = _HEADER.match(line)
        if header:
            below = re.sub(r"\\(.)", r"\1", header[2]) if header[2] is not None else None
            section = header[1].lower() + (f".{below}" if below is not None else "")
            line = line[header.end() :].strip()
        if not line or line[0] in "#;":
            continue
        name, equals, value = line.partition("=")
        found.append((f"{section}.{name.strip().lower()}", _value(value) if equals else None))
    return found


def _value(text: str) -> str:
    out, quoted, letters = "", False, iter(text.strip())
    for letter in letters:
        if letter == '"':
            quoted = not quoted
        elif letter == "\\":
            escaped = next(letters, "")
            out += _ESCAPES.get(escaped, escaped)
        elif letter in "#;" and not quoted:
            return out.rstrip()
        else:
            out += letter
    return out


def set_value(path: str, key: str, value: str) -> bytes:
    """A configuration file with one more value, or another one in its place."""
    section, _, name = key.rpartition(".")
    head, _, below = section.partition(".")
    header = f'[{head} "{below}"]' if below else f"[{head}]"
    lines = (files.read(path) or b"").decode("utf-8", "surrogateescape").splitlines()
    line = f"\t{name} = {value}"
    if header not in lines:
        lines += [header, line]
    else:
        start = lines.index(header) + 1
        end = next((n for n in range(start, len(lines)) if lines[n].startswith("[")), len(lines))
        there = (n for n in range(start, end) if lines[n].partition("=")[0].strip().lower() == name.lower())
        at = next(there, None)
        lines[end if at is None else at : end if at is None else at + 1] = [line]
    return "".join(f"{each}\n" for each in lines).encode("utf-8", "surrogateescape")


def identity(config: Config, env: Mapping[str, str], role: str) -> tuple[str, str]:
    """The name and address of an AUTHOR or COMMITTER. Raises Failure when nobody has told them."""
    name, email = env.get(f"GIT_{role}_NAME"), env.get(f"GIT_{role}_EMAIL")
    section = role.lower()
    name = name or config.get(f"{section}.name") or config.get("user.name")
    email = email or config.get(f"{section}.email") or config.get("user.email") or env.get("EMAIL")
    if name is None or email is None:
        raise fatal("unable to auto-detect email address (got 'nobody@nowhere.(none)')")
    return _clean(name), _clean(email)


def _clean(text: str) -> str:
    """Without what would end a name or an address, and the crud at both ends that git takes off."""
    return re.sub(r"[\n<>]", "", text.strip(" .,:;<>\"\\'\n\t" + "".join(map(chr, range(33)))))


def stamp(env: Mapping[str, str], role: str, now: float) -> tuple[int, str]:
    """Seconds since 1970, and the time zone, of a commit."""
    told = env.get(f"GIT_{role}_DATE")
    if not told:
        return int(now), "+0000"
    seconds, _, zone = told.strip().lstrip("@").partition(" ")
    if not seconds.isdigit():
        raise NotImplementedError(f"a date other than `<seconds> <zone>`: {told}")
    return int(seconds), zone.strip() or "+0000"


def excludes(config: Config, common_dir: str, env: Mapping[str, str]) -> Sequence[str]:
    """The files, besides .gitignore, that name what is ignored; later ones win."""
    own = config.get("core.excludesFile")
    base = env.get("XDG_CONFIG_HOME") or f"{env.get('HOME', '')}/.config"
    place = f"{base}/git/ignore" if own is None else config.path(own)
    return (place, f"{common_dir}/info/exclude") if place else (f"{common_dir}/info/exclude",)
