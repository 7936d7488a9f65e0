"""Mission control on a terminal; the one door to Textual, which an extra brings."""

from factory.model.errors import UsageError

try:
    import textual as textual
except ImportError:
    raise UsageError("Textual, which draws this, is not installed", "pip install 'git-factory[tui]'") from None
