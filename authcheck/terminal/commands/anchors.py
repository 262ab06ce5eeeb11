"""Commands that anchor the ledger in a blockchain."""

from typing import Annotated, Any

import typer

from authcheck.config import load
from authcheck.errors import BadSetting
from authcheck.ledger import anchoring, evm
from authcheck.ledger.tables import Anchoring
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

MOST = 1000  # the number of anchors that `list` shows

anchors_app = typer.Typer(no_args_is_help=True, help="Anchor the ledger in a blockchain.")


@anchors_app.command("run")
def run_anchors(
    *,
    force: Annotated[bool, typer.Option("--force", help="Anchor all new entries, even a few.")] = False,
    json: Json = False,
) -> None:
    """Anchor the newest checkpoint if it is due. Send lost anchors again and record confirmations."""
    with open_storage() as storage:
        anchor = anchoring.open_anchor(storage.settings)
        if anchor is None:
            raise BadSetting(
                "Anchoring is off. Set AUTHCHECK_EVM_URL to the address of a chain.", name="AUTHCHECK_EVM_URL"
            )
        changed = anchoring.run(storage.database, storage.settings, anchor, utc_now(), force=force)
    if changed:
        _show_anchors(changed, json=json)
    console.say(f"{len(changed)} anchors changed.")


@anchors_app.command("list")
def list_anchors(*, json: Json = False) -> None:
    """List all anchors, also failed, newest first."""
    with open_storage() as storage, storage.database.reading() as session:
        _show_anchors(anchoring.list_anchorings(session, MOST), json=json)


@anchors_app.command("deploy")
def deploy_contract() -> None:
    """Deploy a new contract to the chain and print its address for AUTHCHECK_EVM_CONTRACT."""
    settings = load()
    if settings.evm_url is None or settings.evm_chain is None:
        name = "AUTHCHECK_EVM_URL" if settings.evm_url is None else "AUTHCHECK_EVM_CHAIN"
        raise BadSetting(f"{name} is not set. Set {name} before you deploy the contract.", name=name)
    secret = anchoring.writer_key(settings)
    console.say(f"The account {evm.address_of(secret)} pays. Only this account can write to the contract.")
    console.data_line(evm.deploy(settings.evm_url, settings.evm_chain, secret))


def _show_anchors(anchors: list[Anchoring], *, json: bool) -> None:
    if json:
        for anchor in anchors:
            console.json_line(_anchor_dict(anchor))
        return
    table = console.table("state", "entries", "chain", "block", "transaction", whole=["transaction"])
    for anchor in anchors:
        block = "" if anchor.block_number is None else str(anchor.block_number)
        entries = f"{anchor.previous_size} to {anchor.size - 1}"
        table.add_row(console.styled(anchor.state), entries, anchor.chain, block, anchor.transaction_hash)
    console.out().print(table)


def _anchor_dict(anchor: Anchoring) -> dict[str, Any]:
    names = ("state", "chain", "sender", "nonce", "transaction_hash", "previous_size", "size", "root")
    times = {"created_at": anchor.created_at.isoformat(), "changed_at": anchor.changed_at.isoformat()}
    return {name: getattr(anchor, name) for name in (*names, "block_number", "block_hash")} | times
