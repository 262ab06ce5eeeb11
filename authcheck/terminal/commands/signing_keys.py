"""Commands of the keys with which brands sign certificates."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from authcheck.certificates import signing_keys, status_lists
from authcheck.certificates.signing_keys import open_vault, read_public_key
from authcheck.certificates.tables import SigningKey
from authcheck.ledger import publishing
from authcheck.members import organisations
from authcheck.proofs.trust import encode_base64url
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.commands.address import Yes, confirm_address
from authcheck.terminal.output import certificates, console
from authcheck.terminal.output.console import Json, Sure
from authcheck.vault import load_key

signing_keys_app = typer.Typer(no_args_is_help=True, help="Brands' keys for certificates.")
Org = Annotated[str, typer.Option("--org", help="Handle of the brand.")]
PublicKey = Annotated[
    str | None,
    typer.Option(help="Public key from make, if the brand keeps the key. Default: we make a key."),
]


@signing_keys_app.command("make")
def make_key(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File of the private key.")],
) -> None:
    """Make a key for a brand, unless the file has a key. Prints its public key."""
    key = load_key(None, path)
    console.data_line(encode_base64url(key.public_key().public_bytes_raw()))


@signing_keys_app.command("create")
def create_key(organisation: Org, *, public_key: PublicKey = None, yes: Yes = False) -> None:
    """Add a key that signs from now on. Prints its name."""
    _add_key(organisation, public_key, signing_keys.create_key, yes=yes)


@signing_keys_app.command("rotate")
def rotate_key(organisation: Org, *, public_key: PublicKey = None, yes: Yes = False) -> None:
    """Add a key and end all others. Their signatures stay valid."""
    _add_key(organisation, public_key, signing_keys.rotate, yes=yes)


def _add_key(organisation: str, public_key: str | None, add: Callable[..., SigningKey], *, yes: bool) -> None:
    brand_key, now = read_public_key(public_key) if public_key else None, utc_now()
    with open_storage() as storage:
        vault = open_vault(storage.settings)
        confirm_address(storage, yes=yes)
        with storage.database.writing() as session:
            brand = organisations.get_organisation(session, organisation)
            key = add(session, brand, vault, settings=storage.settings, now=now, public_key=brand_key)
            status_lists.catch_up(session, brand, vault, now=now)
        publishing.publish_recorded(storage.database, storage.settings)
    console.data_line(key.kid)


@signing_keys_app.command("list")
def list_keys(organisation: Org, *, json: Json = False) -> None:
    """List a brand's signing keys, also revoked."""
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        certificates.show_signing_keys(signing_keys.list_keys(session, brand), json=json)


@signing_keys_app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Key name (kid) or id.")],
    organisation: Org,
    *,
    yes: Sure = False,
) -> None:
    """Revoke a key permanently, now. Its later signatures are invalid."""
    console.confirm(f"Revoke the signing key {key} of {organisation}", yes=yes)
    with open_storage() as storage:
        with storage.database.writing() as session:
            brand = organisations.get_organisation(session, organisation)
            revoked_key = signing_keys.revoke_key(session, brand, key, utc_now())
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(f"{revoked_key.kid} is revoked.")
