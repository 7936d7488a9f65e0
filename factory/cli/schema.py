"""`factory schema`: JSON Schema of the file formats, for editors."""

import click
from pydantic import BaseModel, JsonValue

from factory.cli.text import echo_json
from factory.model.contract import Contract
from factory.model.item import Item
from factory.model.policy import Policy
from factory.model.result import Result
from factory.model.verdict import Verdict

FORMATS: dict[str, type[BaseModel]] = {
    "item": Item,
    "contract": Contract,
    "workflow": Policy,
    "verdict": Verdict,
    "result": Result,
}


def schema_of(name: str) -> dict[str, JsonValue]:
    """The JSON Schema (2020-12) of a format."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **FORMATS[name].model_json_schema()}


@click.command("schema")
@click.argument("name", type=click.Choice(list(FORMATS)), required=False)
def schema_command(name: str | None) -> None:
    """Print the JSON Schema of one format, or of all of them in one object."""
    echo_json(schema_of(name) if name else {each: schema_of(each) for each in FORMATS})
