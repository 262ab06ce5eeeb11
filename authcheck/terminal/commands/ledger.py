"""Commands that publish the ledger and check it."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select

from authcheck.audit.log import audit
from authcheck.config import Settings
from authcheck.errors import BadSetting
from authcheck.ledger.anchoring import open_anchor
from authcheck.ledger.cosigning import cosign
from authcheck.ledger.export import export
from authcheck.ledger.heads import Held
from authcheck.ledger.publishing import head_held, ledger_signer, publish
from authcheck.ledger.tables import Entry, SignedCheckpoint
from authcheck.storage.opening import Storage, open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json
from authcheck.tlog.witness import quorum, read_witnesses

MOST_SHOWN = 20

ledger_app = typer.Typer(no_args_is_help=True, help="The ledger.")


@ledger_app.command("audit")
def audit_ledger(*, json: Json = False) -> None:
    """Derive every tile, checkpoint and row anew from the entries, and name what differs. Exit 1 if anything does."""
    findings = 0
    with open_storage() as storage, console.progress() as progress:
        held = [
            held
            for held in (head_held(storage.database, storage.settings), _on_chain(storage.settings))
            if held
        ]
        public_key = ledger_signer(storage.settings).verifier.public_key
        with storage.database.snapshot() as session:
            total = session.scalar(select(func.count()).select_from(Entry))
            task = progress.add_task("Replaying", total=total)
            found = audit(
                session, public_key, held, progress=lambda done: progress.update(task, completed=done)
            )
            for findings, finding in enumerate(found, 1):
                if json:
                    console.json_line({"what": finding.what, "problem": finding.problem})
                elif findings <= MOST_SHOWN:
                    console.say(f"{finding.what} {finding.problem}", style="bold red")
    console.say(f"{total} entries replayed; {findings or 'nothing'} differs.")
    raise typer.Exit(1 if findings else 0)


@ledger_app.command("export")
def export_ledger(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to write; only what is new is written.")
    ],
) -> None:
    """Write the ledger as files that any web server can serve: checkpoint, tiles, entries."""
    with open_storage() as storage:
        checkpoint = _publish(storage)
        with storage.database.snapshot() as session, console.progress() as progress:
            written = sum(
                1 for _ in progress.track(export(session, checkpoint, folder), description="Writing")
            )
    console.say(f"{folder} has the first {checkpoint.size} entries; {written} files were written.")


@ledger_app.command("checkpoint")
def show_checkpoint() -> None:
    """Sign a checkpoint of all entries, if there is none yet, and print it."""
    with open_storage() as storage:
        checkpoint = _publish(storage)
    print(checkpoint.note, end="")  # noqa: T201 - data goes to stdout, alone


@ledger_app.command("witness")
def ask_witnesses() -> None:
    """Have the witnesses of AUTHCHECK_WITNESSES cosign a checkpoint of all entries. Exit 1 without a quorum."""
    with open_storage() as storage:
        witnesses = read_witnesses(storage.settings.witnesses)
        if not witnesses:
            raise BadSetting("Name witnesses in AUTHCHECK_WITNESSES.", code="setting.witnesses")
        done = cosign(storage.database, storage.settings, witnesses, now=utc_now())
    for name, error in done.refusals.items():
        console.say(f"{name}: {error} [{error.code}]", style="red")
    verifiers = [witness.verifier for witness in witnesses]
    count = quorum(done.checkpoint.note, verifiers, max(1, storage.settings.witness_quorum))
    console.say(f"{count} of {len(witnesses)} witnesses cosigned {done.checkpoint.size} entries.")


def _publish(storage: Storage) -> SignedCheckpoint:
    on_chain = _on_chain(storage.settings)
    return publish(storage.database, storage.settings, held=[on_chain] if on_chain else [], now=utc_now())


def _on_chain(settings: Settings) -> Held | None:
    """What the chain holds of the ledger, where one is set."""
    anchor = open_anchor(settings)
    head = anchor.head() if anchor else None
    return Held("the chain", head.size, head.root) if head else None
