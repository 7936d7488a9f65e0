"""`factory schema`: JSON Schema of the file formats, for editors."""

import click

from factory.cli.text import echo_json
from factory.model.formats import FORMATS, schema_of


@click.command("schema")
@click.argument("name", type=click.Choice(list(FORMATS)), required=False)
def schema_command(name: str | None) -> None:
    """Print the JSON Schema of one format, or of all of them in one object."""
    echo_json(schema_of(name) if name else {each: schema_of(each) for each in FORMATS})
