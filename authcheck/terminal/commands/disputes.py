"""Commands of disputes between owners: list, show, speak, rule, and revoke the loser's certificates."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from authcheck.certificates import contested
from authcheck.certificates.signing_keys import open_vault
from authcheck.files.documents import MOST_BYTES, read_document
from authcheck.files.picture_files import read_file
from authcheck.ids import as_word
from authcheck.ledger import publishing
from authcheck.members import organisations
from authcheck.registry import disputes, rulings, statements
from authcheck.registry.tables import Dispute
from authcheck.storage.documents import document_store
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output import disputes as output
from authcheck.terminal.output.console import Json, Sure

disputes_app = typer.Typer(no_args_is_help=True, help="Disputes between owners of similar designs.")
DisputeId = Annotated[str, typer.Argument(metavar="DISPUTE", help="Id of the dispute.")]
Speaker = Annotated[str, typer.Option("--org", help="Handle of the owner who speaks.")]
Words = Annotated[str, typer.Option(help="What the owner says, in at most 4,000 characters.")]
Paper = Annotated[Path | None, typer.Option(help="PDF, PNG or JPEG that proves it.")]
PAGE = 500


@disputes_app.command("list")
def list_disputes(
    *,
    owner: Annotated[str | None, typer.Option("--org", help="Only this owner's, on either side.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that have ended.")] = False,
    json: Json = False,
) -> None:
    """List disputes and resemblances, oldest first."""
    rows: list[Dispute] = []
    with open_storage() as storage, storage.database.reading() as session:
        owner_id = organisations.get_organisation(session, owner).id if owner else None
        while page := disputes.list_disputes(
            session, owner_id=owner_id, ended=ended, after=rows[-1].id if rows else "", limit=PAGE
        ):
            rows += page
    output.show_disputes(rows, json=json)


@disputes_app.command("show")
def show_dispute(dispute: DisputeId, *, json: Json = False) -> None:
    """Show both sides of a dispute, and the certificates issued on the later design."""
    with open_storage() as storage, storage.database.reading() as session:
        row = disputes.get_dispute(session, dispute)
        output.show_dispute(row, contested.find_batches(session, row.design_id), json=json)


@disputes_app.command("rule")
def rule(
    dispute: DisputeId,
    *,
    ruling: Annotated[str, typer.Option("--for", help="The picture that stands: earlier, later or both.")],
    reason: Annotated[str, typer.Option(help="Why. Both owners read the reason.")],
    final: Annotated[bool, typer.Option("--final", help="Both owners agree: it takes effect now.")] = False,
    yes: Sure = False,
) -> None:
    """Rule on a dispute. Both owners read the reason.

    A ruling takes effect after 14 days without an appeal, while the server runs. With --final, and after an
    appeal, it takes effect at once: the picture that loses is withdrawn. The ruling is an entry of the
    ledger, with a hash of the reason.
    """
    ruling = as_word(ruling)
    rulings.check_ruling(ruling, reason)
    with open_storage() as storage:
        with storage.database.reading() as session:
            stage = statements.stage_of(disputes.get_dispute(session, dispute))
        if final or stage is statements.Stage.APPEALED:
            console.confirm(f"Rule for {ruling} in {dispute}, with effect now", yes=yes)
        with storage.database.writing() as session:
            row = rulings.rule(session, dispute, ruling, reason=reason, now=utc_now(), is_final=final)
            has_loser = row.ended_by in {disputes.EARLIER, disputes.LATER}
            loser = rulings.loser_of(row) if has_loser else None
            batches = contested.find_batches(session, loser.id) if loser else []
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(f"{row.id}: {output.state_text(row)}.")
    active = sum(issued.active for issued in batches)
    if loser and active:
        names = ", ".join(
            f"{issued.batch.id} by {issued.issuer.handle}" for issued in batches if issued.active
        )
        console.say(
            f"{active} certificates for {console.plain(loser.reference)} of {loser.owner.handle} are still"
            f" active: {names}. To revoke all: authcheck disputes revoke-certificates {row.id}",
            style="yellow",
        )


@disputes_app.command("state")
def state(dispute: DisputeId, *, owner: Speaker, text: Words, document: Paper = None) -> None:
    """Say what speaks for an owner. The other owner and the operator read it."""
    _say(statements.state, dispute, owner, text, document)


@disputes_app.command("appeal")
def appeal(dispute: DisputeId, *, owner: Speaker, text: Words, document: Paper = None) -> None:
    """Appeal for an owner, once, within 14 days after a ruling. The operator rules again."""
    _say(statements.appeal, dispute, owner, text, document)


def _say(act: Callable[..., Dispute], dispute: str, owner: str, text: str, document: Path | None) -> None:
    paper = read_document(read_file(document, MOST_BYTES + 1)) if document else None
    with open_storage() as storage:
        with storage.database.writing() as session:
            side = organisations.get_organisation(session, owner)
            row = act(session, dispute, side.id, text, paper, by="", now=utc_now())
            if paper is not None:
                document_store(storage.settings).put(paper.data)
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(f"{row.id}: {output.state_text(row)}.")


@disputes_app.command("accept")
def accept(dispute: DisputeId, *, owner: Speaker, yes: Sure = False) -> None:
    """Accept a ruling for the owner who has lost. The picture is withdrawn at once."""
    console.confirm(f"Accept the ruling in {dispute} for {owner}", yes=yes)
    with open_storage() as storage:
        with storage.database.writing() as session:
            side = organisations.get_organisation(session, owner)
            row = rulings.accept(session, dispute, side.id, utc_now())
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(f"{row.id}: {output.state_text(row)}.")


@disputes_app.command("revoke-certificates")
def revoke_certificates(dispute: DisputeId, *, yes: Sure = False) -> None:
    """Revoke all certificates on the design that lost a dispute, permanently."""
    with open_storage() as storage:
        with storage.database.reading() as session:
            loser = rulings.loser_of(disputes.get_dispute(session, dispute))
            active = sum(issued.active for issued in contested.find_batches(session, loser.id))
        if active:
            about = f"{loser.reference} of {loser.owner.handle}"
            console.confirm(f"Revoke all active certificates for {about}: {active}", yes=yes)
        vault = open_vault(storage.settings)
        with storage.database.writing() as session:
            loser = rulings.loser_of(disputes.get_dispute(session, dispute))
            counts = contested.revoke_all(session, vault, storage.settings, loser.id, now=utc_now())
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(console.revoked_text(counts.now, counts.before))
