"""Commands that anchor the ledger in a chain."""

from typing import Annotated, Any

import typer

from authcheck.config import load
from authcheck.errors import BadSetting
from authcheck.ledger import anchoring, evm
from authcheck.ledger.tables import Anchoring
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

MOST = 1000

anchors_app = typer.Typer(no_args_is_help=True, help="The ledger's checkpoints in a chain.")


@anchors_app.command("run")
def run_anchors(
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Anchor whatever is new, however little it is.")
    ] = False,
    json: Json = False,
) -> None:
    """Anchor the newest checkpoint if it is due, send again what the chain lost, note what it confirmed."""
    with open_storage() as storage:
        anchor = anchoring.open_anchor(storage.settings)
        if anchor is None:
            raise BadSetting("Anchoring is off: AUTHCHECK_EVM_URL names no chain.", name="AUTHCHECK_EVM_URL")
        changed = anchoring.run(storage.database, storage.settings, anchor, utc_now(), force=force)
    if changed:
        _show(changed, json=json)
    console.say(f"{len(changed)} anchors changed.")


@anchors_app.command("list")
def list_anchors(*, json: Json = False) -> None:
    """List the anchors, newest first; failed ones too."""
    with open_storage() as storage, storage.database.reading() as session:
        _show(anchoring.list_anchorings(session, MOST), json=json)


@anchors_app.command("deploy")
def deploy_contract() -> None:
    """Put a new contract into the chain and print its address, for AUTHCHECK_EVM_CONTRACT."""
    settings = load()
    if settings.evm_url is None or settings.evm_chain is None:
        name = "AUTHCHECK_EVM_URL" if settings.evm_url is None else "AUTHCHECK_EVM_CHAIN"
        raise BadSetting(f"{name} is missing.", name=name)
    secret = anchoring.writer_key(settings)
    console.say(f"The account {evm.address_of(secret)} pays, and alone will write.")
    print(evm.deploy(settings.evm_url, settings.evm_chain, secret))  # noqa: T201 - data goes to stdout, alone


def _show(anchorings: list[Anchoring], *, json: bool) -> None:
    if json:
        for one in anchorings:
            console.json_line(_fields(one))
        return
    shown = console.table("state", "entries", "chain", "block", "transaction", whole=["transaction"])
    for one in anchorings:
        block = "" if one.block_number is None else str(one.block_number)
        entries = f"{one.previous_size} to {one.size - 1}"
        shown.add_row(console.styled(one.state), entries, one.chain, block, one.transaction_hash)
    console.out().print(shown)


def _fields(one: Anchoring) -> dict[str, Any]:
    names = ("state", "chain", "sender", "nonce", "transaction_hash", "previous_size", "size", "root")
    times = {"created_at": one.created_at.isoformat(), "changed_at": one.changed_at.isoformat()}
    return {name: getattr(one, name) for name in (*names, "block_number", "block_hash")} | times
