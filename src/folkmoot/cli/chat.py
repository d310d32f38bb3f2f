"""``folkmoot chat``: talk to a model, or to two side by side."""

import sys
from typing import Annotated

import typer

from folkmoot.cli.showing import stderr, stdout


def chat(
    model: Annotated[str, typer.Argument(help="Model folder or name.")],
    compare: Annotated[str | None, typer.Option(help="A second model, answering the same.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 120,
) -> None:
    """Talk to a model; each line is a message. An empty line or end of input ends the talk.

    Without a terminal every line of standard input is answered in one conversation, so it can be scripted.
    """
    from folkmoot.models.chat import Message
    from folkmoot.models.library import resolve_model
    from folkmoot.models.local import LocalModel, pin_threads

    pin_threads()
    names = [model] if compare is None else [model, compare]
    loaded = [LocalModel.load(resolve_model(name), name=name) for name in names]
    talks: list[list[Message]] = [[] for _ in loaded]
    interactive = sys.stdin.isatty()
    if interactive:
        stderr.print("An empty line ends the talk. These are small demonstration models: they are often wrong.")
    while line := _next_line(interactive):
        for one, talk in zip(loaded, talks, strict=True):
            talk.append(Message("user", line))
            reply = one.generate([talk], max_new_tokens=max_tokens)[0]
            talk.append(Message("assistant", reply))
            stdout.print(f"[bold]{one.name}[/bold]: " if len(loaded) > 1 else "", end="")
            stdout.print(reply, markup=False)


def _next_line(interactive: bool) -> str:
    if interactive:
        stderr.print("you: ", end="")
    return sys.stdin.readline().strip()
