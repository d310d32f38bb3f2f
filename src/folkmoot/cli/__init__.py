"""The command line: one file per verb, in the order of the road. Each parses, calls and prints."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from folkmoot import __version__
from folkmoot.cli import chat, draft, evaluate, listen, models, run, runs, trace, train
from folkmoot.errors import FolkmootError


class _InOrderOfTheRoad(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        order = ["run", "listen", "draft", "train", "evaluate", "chat", "trace", "runs", "models"]
        return sorted(super().list_commands(ctx), key=order.index)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # here, before typer turns it into a bare "Aborted!"
            print("folkmoot: interrupted; the same command goes on from here", file=sys.stderr)  # noqa: T201
            sys.exit(130)


app = typer.Typer(
    cls=_InOrderOfTheRoad,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Give an AI model the values of the people it serves, and measure how far it keeps them.",
)


def _version(asked: bool) -> None:
    if asked:
        print(f"folkmoot {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _folkmoot(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


app.command("run")(run.run)
app.add_typer(listen.app, name="listen")
app.command("draft")(draft.draft)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("chat")(chat.chat)
app.command("trace")(trace.trace)
app.add_typer(runs.app, name="runs")
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the command line; a handled error is one screen of text and an exit code, never a traceback."""
    try:
        app()
    except FolkmootError as error:
        print(f"folkmoot: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
