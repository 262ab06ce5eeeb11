"""Pages of labels from sample look-ups, without a database."""

from dataclasses import replace
from types import SimpleNamespace

import make
from starlette.requests import Request

from api.i18n import LANGUAGES
from api.pages import certificate, label_view
from authcheck.certificates.products import ProductInfo
from authcheck.lookups.advice import Caution
from authcheck.lookups.lookup import LookUp
from authcheck.lookups.rights import IssuersRight
from authcheck.lookups.units import Unit
from authcheck.proofs.bundle import STEPS, Bundle, Logged, State, Step

OWN = IssuersRight("Acme", "owner")
UNIT = Unit(
    id="01a20846-fe00-7000-b82b-3b750d791db7",
    code="7XK294QMV0HT3",
    state="active",
    gtin="04006381333931",
    lot="L-1",
    serial="A-77",
    product="Kite, red",
    issued_at=make.NOW,
    revoked_at=None,
    revocation_reason=None,
    jws="x",
    status_index=0,
    organisation_id="org_1",
    handle="acme",
    brand="Acme",
    design_id="dsn_1",
    licence_id=None,
    design_reference="KITE-1",
    design_title="Kite",
    has_preview=False,
    is_disputed=False,
    issued_number=1,
    issued_body=b"{}",
    issued_tx_id="ab" * 32,
    revoked_number=None,
    ledger_size=3,
    checkpoint_size=3,
    checkpoint_note="",
    address="http://testserver",
    origin=None,
    has_facts=False,
    owner_id="org_1",
    has_pin=True,
    claimed_at=None,
    contact_url="https://acme.example/help",
    contact_email="",
    issuer_suspended=False,
    owner_suspended=False,
)


def steps(**states: State) -> tuple[Step, ...]:
    """Steps that are true. Keywords give the states of others."""
    return tuple(Step(name, states.get(name, State.TRUE), "x", "bundle.entry") for name in STEPS)


GOOD = LookUp(UNIT, "good", (*steps(witnesses=State.OFF), Step("anchor", State.OFF, "off")), None)
WITH_PROOF = replace(GOOD, bundle=Bundle(Logged("", "", ""), Logged("", "", "")))
REVOKED = replace(
    GOOD,
    outcome="revoked",
    unit=replace(UNIT, revoked_at=make.NOW, revocation_reason="stolen"),
    steps=(*steps()[:-1], Step("status", State.FALSE, "x", "certificate.revoked")),
)
NOT_TRUE = replace(GOOD, outcome="not_true", steps=steps(entry=State.FALSE, inclusion=State.UNKNOWN))
OPEN = replace(GOOD, outcome="unknown", steps=steps(witnesses=State.UNKNOWN, status=State.UNKNOWN))
UNSIGNED = replace(GOOD, outcome="unsigned", steps=(), unit=replace(UNIT, jws=None, issued_tx_id=None))
COPIED = replace(
    GOOD,
    cautions=(
        Caution("scans.places", {"phones": 3, "places": 2, "days": 4}),
        Caution("scans.after_sale", {"phones": 2}),
    ),
)
SAMPLES = {
    "verified": WITH_PROOF,
    "copied": COPIED,
    "revoked": REVOKED,
    "not_true": NOT_TRUE,
    "unknown": OPEN,
    "unsigned": UNSIGNED,
}
WITHOUT_UNIT = (
    "missing",
    "slip",
    "foreign",
    "no_label",
    "several",
    "not_read",
    "code_needed",
    "enter",
    "limited",
    "unavailable",
)


def html(found: LookUp, tag: str = "en", right: IssuersRight = OWN) -> str:
    """Return the page of a look-up."""
    product_info = ProductInfo("Red seam.", ("pic_1",))
    answer = certificate.render_label(_request(tag), found, right, product_info, make.NOW)
    return bytes(answer.body).decode()


def html_without_unit(
    state: label_view.LabelState, tag: str = "en", code: str = "7XK294QMVDHT3", path: str = "/c/X"
) -> str:
    """Return the page of a state without a unit."""
    answer = certificate.render_without_unit(_request(tag, code, path), state)
    return bytes(answer.body).decode()


def _request(tag: str, code: str = "", path: str = "/c/X") -> Request:
    settings = SimpleNamespace(public_url="http://testserver", contact=None, source_url=None)
    scanners = SimpleNamespace(sign=lambda *_: "0" * 32)
    state = SimpleNamespace(
        workspace=SimpleNamespace(settings=settings), scanners=scanners, settings=settings
    )
    app = SimpleNamespace(state=state)
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "root_path": "", "app": app}
    scope |= {
        "query_string": f"lang={tag}&code={code}".encode(),
        "scheme": "http",
        "server": ("testserver", 80),
    }
    assert LANGUAGES[tag]
    return Request(scope)
