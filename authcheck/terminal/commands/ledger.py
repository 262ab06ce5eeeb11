"""Commands that publish and audit the ledger."""

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
from authcheck.lookups import transactions
from authcheck.storage.opening import Storage, open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json
from authcheck.tlog.entries import read_body
from authcheck.tlog.witness import quorum, read_witnesses

MOST_SHOWN = 20

ledger_app = typer.Typer(no_args_is_help=True, help="Ledger.")


@ledger_app.command("audit")
def audit_ledger(*, json: Json = False) -> None:
    """Rebuild every tile, checkpoint and row from the entries and list the differences.

    Exit 1: some differ.
    """
    count = 0
    with open_storage() as storage, console.progress() as progress:
        candidates = (head_held(storage.database, storage.settings), _chain_head(storage.settings))
        held = [head for head in candidates if head]
        public_key = ledger_signer(storage.settings, storage.settings.ledger_origin).verifier.public_key
        with storage.database.snapshot() as session:
            total = session.scalar(select(func.count()).select_from(Entry))
            task = progress.add_task("Replaying", total=total)
            findings = audit(
                session, public_key, held, progress=lambda done: progress.update(task, completed=done)
            )
            for count, finding in enumerate(findings, 1):
                if json:
                    console.json_line({"what": finding.what, "problem": finding.problem})
                elif count <= MOST_SHOWN:
                    console.say(f"{finding.what} {finding.problem}", style="bold red")
    console.say(f"{total} entries replayed. {count or 'No'} differences.")
    raise typer.Exit(1 if count else 0)


@ledger_app.command("show")
def show_entry(
    tx_id: Annotated[str, typer.Argument(metavar="TX_ID", help="Transaction id: 64 hexadecimal digits.")],
    *,
    json: Json = False,
) -> None:
    """Show an entry: its fields, the handles of its parties, and the agent who acted."""
    with open_storage() as storage:
        transaction = transactions.transaction(storage.database, storage.settings, tx_id)
        fields = read_body(transaction.entry.body)
        with storage.database.reading() as session:
            handles = transactions.handles_in(session, fields)
    acted = transactions.who_acted(fields, handles)
    if json:
        numbers = {"number": transaction.entry.number, "checkpoint": transaction.checkpoint.size}
        console.json_line({**numbers, "entry": fields, "handles": handles, "acted": acted})
        return
    shown = {
        name: f"{handles[name]} ({value})" if name in handles else value for name, value in fields.items()
    }
    covering = {"number": transaction.entry.number, "in the checkpoint of": transaction.checkpoint.size}
    console.show_facts({**shown, **({"acted": acted} if acted else {}), **covering}, json=False)


@ledger_app.command("export")
def export_ledger(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write. Keeps existing files.")],
) -> None:
    """Write the ledger as files for any web server: checkpoint, tiles, entries."""
    with open_storage() as storage:
        checkpoint = _publish_all(storage)
        with storage.database.snapshot() as session, console.progress() as progress:
            count = sum(1 for _ in progress.track(export(session, checkpoint, folder), description="Writing"))
    console.say(f"{folder} has the first {checkpoint.size} entries. {count} files were written.")


@ledger_app.command("checkpoint")
def show_checkpoint() -> None:
    """Print a signed checkpoint of all entries. Signs a new one if needed."""
    with open_storage() as storage:
        checkpoint = _publish_all(storage)
    print(checkpoint.note, end="")  # noqa: T201 - data goes to stdout, alone


@ledger_app.command("witness")
def ask_witnesses() -> None:
    """Ask the witnesses of AUTHCHECK_WITNESSES to cosign a checkpoint of all entries. Exit 1: no quorum."""
    with open_storage() as storage:
        witnesses = read_witnesses(storage.settings.witnesses)
        if not witnesses:
            raise BadSetting(
                "We have no witness to ask. Name witnesses in AUTHCHECK_WITNESSES.", code="setting.witnesses"
            )
        answers = cosign(storage.database, storage.settings, witnesses, now=utc_now())
    for name, error in answers.refusals.items():
        console.say(f"{name}: {error} [{error.code}]", style="red")
    verifiers = [witness.verifier for witness in witnesses]
    count = quorum(answers.checkpoint.note, verifiers, max(1, storage.settings.witness_quorum))
    console.say(f"{count} of {len(witnesses)} witnesses cosigned {answers.checkpoint.size} entries.")


def _publish_all(storage: Storage) -> SignedCheckpoint:
    """Return a signed checkpoint of all entries. Refuses to sign a history that contradicts the chain."""
    chain_head = _chain_head(storage.settings)
    return publish(storage.database, storage.settings, held=[chain_head] if chain_head else [], now=utc_now())


def _chain_head(settings: Settings) -> Held | None:
    """Return the newest tree head that the chain holds, or None without a chain."""
    anchor = open_anchor(settings)
    head = anchor.head() if anchor else None
    return Held("the chain", head.size, head.root) if head else None
