"""`factory init`: a factory laid into a git repository, nothing overwritten."""

from importlib.resources import files as package_files
from pathlib import Path

import click

from factory.cli.session import repository
from factory.model.errors import UnusableError
from factory.model.formats import FORMATS, schema_of
from factory.model.lifecycle import Lane
from factory.store import files
from factory.store.library import WORKFLOW


def template(name: str) -> bytes:
    """A file that ships in the package."""
    return (package_files("factory.cli") / "templates" / name).read_bytes()


def scaffold(root: Path, branch: str) -> list[str]:
    """Lay every missing file of a factory below a root; the paths of those that were laid."""
    wanted = {
        WORKFLOW: template(WORKFLOW).replace(b"branch: main  ", f"branch: {branch}  ".encode()),
        "contracts/change.yaml": template("change.yaml"),
        "queue/inbox/README.md": template("inbox.md"),
        "artifacts/.gitkeep": b"",
        **{f"queue/{lane}/.gitkeep": b"" for lane in Lane},
        **{f"contracts/schema/{name}.json": files.as_json(schema_of(name)) for name in FORMATS},
    }
    return [path for path, data in wanted.items() if files.write_new(root / path, data)]


@click.command("init")
def init_command() -> None:
    """Lay queue/, artifacts/, contracts/ and WORKFLOW.md into this git repository."""
    with repository() as opened:
        if opened.root == opened.common_dir:
            raise UnusableError("a bare repository has no working tree", "git clone it, and init the clone")
        laid = scaffold(opened.root, opened.checked_out() or "main")
    for path in laid:
        click.echo(path)
    if not laid:
        click.echo("everything is there already")
        return
    click.echo("\nNext: put your worker into contracts/change.yaml, then")
    click.echo("  git add WORKFLOW.md contracts queue artifacts && git commit -m 'Lay down the factory'")
    click.echo("  factory add 'What is to be done' && factory tick")
