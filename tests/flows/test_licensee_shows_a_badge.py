"""Flow: a licensee's shop shows a badge. Others try to show, extend or forge a badge."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import licensees_made as made
import make
import pytest
import shops_made
import units_made as units
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authcheck.certificates import publications, signing_keys
from authcheck.certificates.statements import Signer, to_json
from authcheck.errors import AuthcheckError
from authcheck.licences.tables import Licence
from authcheck.members import organisations
from authcheck.proofs.trust import Trust, decode_base64url, encode_base64url
from authcheck.registry.designs import get_design
from authcheck.storefronts import badges
from authcheck.storefronts.tables import Storefront
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

URL = "https://market.example/shop/4711"
Shop = tuple[Storefront, Licence]


def shop(workspace: Workspace, *, own_key: bool = False, **terms: Any) -> Shop:
    """A licensee's shop and its licence of acme's design."""
    design_id = units.brand_with_key(workspace, own_key=own_key)
    with workspace.database.reading() as session:
        design = get_design(session, design_id)
    made.licensee(workspace, design, "tees", key=False)
    licence = made.licence(workspace, "acme", "tees", designs=(design_id,), **terms)
    with workspace.database.writing() as session:
        tees = organisations.get_organisation(session, "tees")
        front = shops_made.add(session, tees, marketplace="m.example", shop_id="4711", url=URL, now=make.NOW)
    return front, licence


def badge(workspace: Workspace, front: str, licence: str, now: datetime = make.NOW) -> str:
    """A badge as the service issues it."""
    vault = signing_keys.open_vault(workspace.settings)
    with workspace.database.reading() as session:
        return badges.make_badge(
            session, workspace.settings, vault, storefront_id=front, licence_id=licence, now=now
        )


def trust(workspace: Workspace) -> Trust:
    """The issuers that a verifier trusts."""
    with workspace.database.reading() as session:
        return publications.trust_of(session, workspace.settings, make.NOW)


def refused(act: Callable[[], object]) -> str:
    """The code with which a badge is refused."""
    with pytest.raises(AuthcheckError) as error:
        act()
    return error.value.code


def test_a_badge_holds_at_its_address_for_a_day(workspace: Workspace) -> None:
    """A badge names the seller and the address. It is valid for one day at its own address."""
    front, licence = shop(workspace)
    jws, believed = badge(workspace, front.id, licence.id), trust(workspace)
    found = badges.verify_badge(jws, f"{URL}/#top", believed, make.NOW)
    assert (found.seller, found.url) == ("tees", URL)
    for url in ("https://evil.example/shop/4711", f"{URL}1", "https://market.example/"):
        assert refused(lambda url=url: badges.verify_badge(jws, url, believed, make.NOW)) == "badge.url"
    for now in (make.NOW + badges.LONGEST, make.NOW - timedelta(hours=1)):
        assert refused(lambda now=now: badges.verify_badge(jws, URL, believed, now)) == "badge.expired"


def test_a_badge_tells_nothing_about_the_licence(workspace: Workspace) -> None:
    """Badges of a licence with and without an end have the same claims, and no id of the licence."""
    front, open_licence = shop(workspace)
    design_id = open_licence.terms["designs"][0]
    ending = made.licence(workspace, "acme", "tees", designs=(design_id,), ends_on=make.NOW.date(), cap=7)
    claims = [
        json.loads(decode_base64url(badge(workspace, front.id, licence.id).split(".")[1]))
        for licence in (open_licence, ending)
    ]
    assert claims[0] == claims[1]
    assert claims[0].keys() == {"iss", "sub", "seller", "iat", "exp"}


def test_a_badge_ends_with_its_licence(workspace: Workspace) -> None:
    """A badge ends at midnight, also on the licence's last day.

    A revoked or other licence, or a closed shop, gets no badge.
    """
    front, licence = shop(workspace, ends_on=make.NOW.date())
    found = badges.verify_badge(badge(workspace, front.id, licence.id), URL, trust(workspace), make.NOW)
    assert found.until == datetime(2026, 11, 24, tzinfo=UTC)
    later = make.NOW + timedelta(days=1)
    assert refused(lambda: badge(workspace, front.id, licence.id, later)) == "badge.not_found"
    assert refused(lambda: badge(workspace, front.id, "lic_other")) == "licence.not_found"
    made.revoke(workspace, "acme", licence.id)
    assert refused(lambda: badge(workspace, front.id, licence.id)) == "badge.not_found"


def test_a_licence_for_another_shop_gives_no_badge(workspace: Workspace) -> None:
    """A licence for another channel gives no badge."""
    front, licence = shop(workspace, channels=("m.example/1",))
    assert refused(lambda: badge(workspace, front.id, licence.id)) == "badge.not_found"


def test_an_owner_who_keeps_its_key_gives_no_badge_here(workspace: Workspace) -> None:
    """The service cannot sign a badge for an owner who keeps its own key."""
    front, licence = shop(workspace, own_key=True)
    assert refused(lambda: badge(workspace, front.id, licence.id)) == "badge.own_key"


@pytest.mark.slow
def test_forged_badges_are_refused(workspace: Workspace) -> None:
    """Badges of another key, name or type, without algorithm, with a shared secret or changed times are refused."""
    front, licence = shop(workspace)
    jws, believed = badge(workspace, front.id, licence.id), trust(workspace)
    header, payload, signature = jws.split(".")
    claims, head = json.loads(decode_base64url(payload)), json.loads(decode_base64url(header))
    forger = Signer(head["kid"], Ed25519PrivateKey.generate())

    def part(words: dict[str, Any]) -> str:
        return encode_base64url(to_json(words))

    forged = {
        forger.sign(to_json(claims), badges.TYP): "badge.signature",
        f"{header}.{part({**claims, 'exp': claims['exp'] + 1})}.{signature}": "badge.signature",
        f"{part({**head, 'alg': 'none'})}.{payload}.": "badge.algorithm",
        f"{part({**head, 'alg': 'HS256'})}.{payload}.{signature}": "badge.algorithm",
        f"{part({**head, 'jwk': {}})}.{payload}.{signature}": "badge.malformed",
        forger.sign(to_json(claims)): "badge.malformed",
        f"{header}.{part({**claims, 'exp': True})}.{signature}": "badge.malformed",
        f"{header}.{part({**claims, 'iss': 'did:web:evil'})}.{signature}": "certificate.issuer",
        f"{part({**head, 'kid': head['kid'] + '9'})}.{payload}.{signature}": "badge.key",
        "": "badge.malformed", "a.b.c": "badge.malformed", "\0.\0.\0": "badge.malformed",
        "[" * 10_000 + "..": "badge.malformed", jws + "=": "badge.malformed",
    }  # fmt: skip
    for one, code in forged.items():
        assert refused(lambda one=one: badges.verify_badge(one, URL, believed, make.NOW)) == code, one[:80]


def test_a_revoked_keys_badges_are_none(workspace: Workspace) -> None:
    """A thief cannot sign a badge with a revoked key."""
    front, licence = shop(workspace)
    jws = badge(workspace, front.id, licence.id)
    vault = signing_keys.open_vault(workspace.settings)
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        signing_keys.rotate(session, acme, vault, settings=workspace.settings, now=make.NOW)
    assert refused(lambda: badges.verify_badge(jws, URL, trust(workspace), make.NOW)) == "badge.key"


def test_badges_on_the_command_line(workspace: Workspace, cli: Callable[..., Any], tmp_path: Path) -> None:
    """The command prints a badge to standard output.

    Another command verifies it from a file, with an exit code.
    """
    front, licence = shop(workspace)
    file, believed = tmp_path / "badge.jwt", tmp_path / "trust.json"
    given = cli("storefronts", "badge", front.id, "--licence", licence.id)
    file.write_text(given.out)
    believed.write_text(json.dumps(trust(workspace).to_json()))
    good = cli("verify-badge", file, "--url", URL, "--trust", believed)
    bad = cli("verify-badge", file, "--url", "https://evil.example/", "--trust", believed)
    assert (given.code, good.code, bad.code) == (0, 0, 1)
    assert ("tees" in good.out, "badge.url" in bad.err) == (True, True)
