"""``folkmoot listen``: what a public thinks, before anything is made of it. One file per verb."""

import typer

from folkmoot.cli.listen.analyse import analyse
from folkmoot.cli.listen.erase import erase
from folkmoot.cli.listen.export import export
from folkmoot.cli.listen.import_ import import_
from folkmoot.cli.listen.predict import predict
from folkmoot.cli.listen.report import report
from folkmoot.cli.listen.route import route
from folkmoot.cli.listen.sensitivity import sensitivity
from folkmoot.cli.listen.show import show
from folkmoot.cli.listen.suspicion import suspicion

app = typer.Typer(no_args_is_help=True, help="Listen to a consultation: opinion groups and what they agree on.")
app.command("import")(import_)
app.command("show")(show)
app.command("analyse")(analyse)
app.command("predict")(predict)
app.command("sensitivity")(sensitivity)
app.command("suspicion")(suspicion)
app.command("route")(route)
app.command("report")(report)
app.command("export")(export)
app.command("erase")(erase)
