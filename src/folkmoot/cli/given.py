"""How every verb takes a consultation: a path, or one that a store keeps."""

from typing import Annotated

import typer

CONSULTATION = "Polis export, its server's JSON or long-form pair (a folder or a zip); or one in a store, as sqlite:///town.db#name."
Given = Annotated[str, typer.Argument(metavar="PATH", help=CONSULTATION)]
