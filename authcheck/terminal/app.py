"""The command line: a table of commands. A module loads only when the user names one of its commands.

All commands together load OpenCV, faiss and ReportLab. Loading them takes ten times as long as `--help`
(docs/benchmarks.md).
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from authcheck import __version__
from authcheck.errors import AuthcheckError, NotTrue, Unavailable
from authcheck.terminal.output import console


class Place(NamedTuple):
    """The place where a command or a group of commands is defined, and its line in `authcheck --help`.

    `panel` is the part of that list in which the line stands.
    """

    module: str
    attribute: str
    summary: str
    panel: str


EXAMPLES = Path(__file__).parent / "examples.txt"  # of docs/cli.md
LOOK, BRANDS, MARKETPLACES, MEMBERS, OPERATORS = (
    "Look and verify",
    "Brands and their licensees",
    "Marketplaces",
    "Use a remote server",
    "Run the service",
)
COMMANDS = {
    "check": Place("checks", "check", "Say which registered design a picture shows.", LOOK),
    "scan": Place("checks", "scan", "Check many pictures on all cores and write a CSV.", LOOK),
    "replay": Place("checks", "replay", "Repeat a stored check against the registry of its day.", LOOK),
    "lookup": Place("lookups", "look_up", "Look up a certificate and verify its proof.", LOOK),
    "verify-bundle": Place("lookups", "verify_bundle", "Verify a certificate offline.", LOOK),
    "trust": Place("trust", "trust_app", "Write the keys with which anybody verifies offline.", LOOK),
    "who-may-sell": Place(
        "storefronts", "who_may_sell", "Say whether a shop may sell a design, and why.", LOOK
    ),
    "verify-badge": Place("storefronts", "verify_badge", "Verify a shop's badge offline.", LOOK),
    "designs": Place("designs", "designs_app", "Register designs; list, change and retire them.", BRANDS),
    "rights": Place("rights", "rights_app", "Name rights in designs, and decide about them.", BRANDS),
    "disputes": Place("disputes", "disputes_app", "Speak, rule and appeal when owners dispute.", BRANDS),
    "negatives": Place("negatives", "negatives_app", "Add and remove ignored backgrounds.", BRANDS),
    "licences": Place("licences", "licences_app", "Offer, accept, amend and revoke licences.", BRANDS),
    "signing-keys": Place(
        "signing_keys", "signing_keys_app", "Manage the keys that sign certificates.", BRANDS
    ),
    "certificates": Place(
        "certificates", "certificates_app", "Issue, list, sign and revoke certificates.", BRANDS
    ),
    "labels": Place("labels", "print_labels", "Write a PDF of a batch's labels.", BRANDS),
    "scans": Place("scans", "scans_app", "Read scans of labels and handle alerts about copies.", BRANDS),
    "storefronts": Place("storefronts", "storefronts_app", "Manage official shops and their badges.", BRANDS),
    "agents": Place("agents", "agents_app", "Appoint agents who act for a brand.", BRANDS),
    "check-listing": Place(
        "listings", "check_listing", "Say whether a seller may offer a product.", MARKETPLACES
    ),
    "listings": Place(
        "listings", "listings_app", "Check listings in bulk and read their verdicts.", MARKETPLACES
    ),
    "cases": Place("deciding", "cases_app", "Read and decide the cases of suspect listings.", MARKETPLACES),
    "login": Place("logging_in", "log_in", "Use a remote server from now on.", MEMBERS),
    "logout": Place("logging_in", "log_out", "Forget the remote server and its key.", MEMBERS),
    "demo": Place("serving", "demo", "Load the sample data, check it, then serve.", OPERATORS),
    "serve": Place("serving", "serve", "Serve the pages and the API.", OPERATORS),
    "organisations": Place(
        "organisations", "organisations_app", "Add, approve and suspend members.", OPERATORS
    ),
    "people": Place("people", "people_app", "Invite people, reset and disable their accounts.", OPERATORS),
    "keys": Place("api_keys", "keys_app", "Create, list and revoke API keys.", OPERATORS),
    "address": Place("address", "address_app", "Show, record and move the public address.", OPERATORS),
    "ledger": Place("ledger", "ledger_app", "Audit, publish and export the ledger.", OPERATORS),
    "anchors": Place("anchors", "anchors_app", "Anchor the ledger in a blockchain.", OPERATORS),
    "db": Place("database", "db_app", "Upgrade and inspect the database.", OPERATORS),
}
"""The commands by name, in the order of `authcheck --help`."""


class LoadedWhenAsked(TyperGroup):
    """The top level: `--help` lists the summaries.

    A command's module loads when the user names the command.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(
                name,
                help=place.summary,
                rich_markup_mode=self.rich_markup_mode,
                rich_help_panel=place.panel,
            )
            for name, place in COMMANDS.items()
        }

    def load(self, name: str, server: str | None = None, *, local: bool = True) -> None:
        """Replace the summary of a command by the command. Typer refuses an unknown name later.

        A member's command works at the chosen server, see `logins.chosen`.
        """
        if name not in COMMANDS:
            return
        self.commands[name] = load_command(name)
        if COMMANDS[name].panel in {LOOK, BRANDS, MARKETPLACES} and not local:
            logins = import_module("authcheck.terminal.remote.logins")
            if (login := logins.chosen(server)) is not None:
                import_module("authcheck.terminal.remote.commands").move(self.commands[name], name, login)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that the first argument names, then let Typer continue."""
        self.load(args[0], ctx.params.get("server"), local=ctx.params.get("local", True))
        return super().resolve_command(ctx, args)


def load_command(name: str) -> Any:
    """Import the module of a command and return the command."""
    place = COMMANDS[name]
    defined = getattr(import_module(f"authcheck.terminal.commands.{place.module}"), place.attribute)
    if isinstance(defined, typer.Typer):
        command: Any = get_group(defined)
    else:
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name)(defined)
        command = get_command(single)
    command.name = name
    _add_examples(command, f"authcheck {name}")
    return command


def _add_examples(command: Any, name: str) -> None:
    """Let the help of a command, or of each command of a group, end with its examples."""
    for word, inner in getattr(command, "commands", {}).items():
        _add_examples(inner, f"{name} {word}")
    lines = [line for line in EXAMPLES.read_text().splitlines() if f"{line} ".startswith(f"{name} ")]
    if lines and not hasattr(command, "commands"):
        command.epilog = "\n\n".join(["For example:", *lines])  # Typer joins lines that no blank line parts


app = typer.Typer(
    cls=LoadedWhenAsked,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Find registered designs in pictures. Issue and verify certificates.",
)


def _show_version(is_set: bool) -> None:
    if is_set:
        console.out().print(f"authcheck {__version__}", markup=False)
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(envvar="AUTHCHECK_SERVER", metavar="URL", help="Use this server. See login."),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Use the data on this computer, also after login.")
    ] = False,
) -> None:
    """Find registered designs in pictures. Issue and verify certificates."""


def main() -> None:
    """Run the command line. Print an error as one line with its code, and exit with its status.

    Exit status: 1 for NotTrue, 3 for Unavailable, 2 for every other error.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")  # file names can be any bytes
    try:
        app(prog_name="authcheck")
    except AuthcheckError as error:
        path = str(error.params.get("path", ""))
        prefix = f"{path}: " if path not in str(error) else ""
        console.say(f"authcheck: {prefix}{error} [{error.code}]", style="red")
        sys.exit(3 if isinstance(error, Unavailable) else 1 if isinstance(error, NotTrue) else 2)
