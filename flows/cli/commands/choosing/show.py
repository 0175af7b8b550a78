"""``limner show``: the whole record of a picture."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from catalog.catalog import Catalog
from flows.cli.options import AsJson, Library
from flows.output import print_json
from flows.settings import Settings, from_environment


def command(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="A picture's hash or its beginning, set/asset, or set/asset#n.")
    ],
    library: Library = None,
    as_json: AsJson = False,
) -> int:
    """Print the whole record of a picture: where it came from, what it was made with, every score and verdict."""
    return show_record(id_, from_environment(library=library), as_json=as_json)


def show_record(id_: str, settings: Settings, *, as_json: bool) -> int:
    """``limner show``: the record is printed as YAML for people, as JSON for scripts."""
    with Catalog.open(settings.library, create=False) as catalog:
        provenance = catalog.provenance(catalog.find(id_))
    if as_json:
        print_json(provenance.value)
        return 0
    import yaml

    class Readable(yaml.SafeDumper):
        """Long texts as blocks, lists of numbers in a line."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Readable.add_representer(str, text)
    sys.stdout.write(yaml.dump(provenance.value, Dumper=Readable, sort_keys=False, allow_unicode=True, width=120))
    return 0
