"""Look-ups over HTTP, for everybody."""

from typing import Any

import licences_made
import make
import pytest
import units_made as units
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.certificates import signing_keys
from authcheck.certificates.tables import Certificate
from authcheck.config import Settings
from authcheck.labels.sheets import label_url
from authcheck.members import organisations
from authcheck.proofs import bundle
from authcheck.proofs.bundle import Bundle
from authcheck.proofs.credential import Credential
from authcheck.proofs.trust import Trust, decode_base64url
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

JSON = {"accept": "application/json"}


@pytest.fixture
def unit(workspace: Workspace) -> Certificate:
    """A certificate of acme."""
    return units.issue(workspace, units.brand_with_key(workspace))[0]


def test_a_certificate_is_found_and_says_what_was_checked(client: TestClient, unit: Certificate) -> None:
    """A certificate is found by code and by id, with the result of every step."""
    by_code, by_id = (client.get(f"/v1/certificates/{name}") for name in (unit.code, unit.id))
    assert by_code.status_code == 200
    told = by_code.json()
    secrets = ("code", "serial", "bundle", "product", "gtin", "lot", "design")
    assert {name: told[name] for name in told if name not in secrets}.items() <= by_id.json().items()
    assert (told["outcome"], told["issuer"]["handle"], told["product"]) == ("good", "acme", "Kite, red")
    assert {step["name"]: step["state"] for step in told["checked"]} == {
        **dict.fromkeys(bundle.STEPS, "true"),
        "witnesses": "off",
        "anchor": "off",
    }
    assert client.get(f"/v1/certificates/{told['tx_id']}").json() == by_id.json()
    assert by_code.headers["cache-control"] == "no-store"


def test_the_public_ledger_gives_no_label_away(client: TestClient, unit: Certificate) -> None:
    """Ids and transaction ids in the ledger's entries reveal nothing about the product, and no printable proof."""
    tx_id = client.get(f"/v1/certificates/{unit.code}").json()["tx_id"]
    for name in (unit.id, f"urn:uuid:{unit.id}", tx_id):
        told = client.get(f"/v1/certificates/{name}")
        assert (told.status_code, told.json()["outcome"]) == (200, "good")
        secrets = ("code", "serial", "bundle", "product", "gtin", "lot", "design")
        assert {told.json()[field] for field in secrets} == {None}
        for text in ("Kite", "KITE-1", units.GTIN, "L-1", unit.design_id):
            assert text not in told.text
        for question in ("", f"?serial={unit.serial}", "?c=0000000000000"):
            for proof in ("bundle", "credential"):
                refused = client.get(f"/v1/certificates/{name}/{proof}{question}")
                assert (refused.status_code, refused.json()["code"]) == (403, "certificate.label_needed")
                assert unit.code not in refused.text
        assert unit.code not in told.text
        assert client.get(f"/c/{name}").status_code == 404


def test_guessable_numbers_give_no_code_away(client: TestClient, workspace: Workspace) -> None:
    """A link with a brand's own serial number and no code asks for the code, whether the unit exists or not."""
    (unit,) = units.issue(workspace, units.brand_with_key(workspace), serials=("1001",), count=0)
    link = f"/01/{unit.gtin}/10/{unit.lot}/21/"
    for headers, code in (({"Accept": "text/html"}, ""), (JSON, "certificate.code_needed")):
        answers = [client.get(f"{link}{serial}", headers=headers) for serial in ("1001", "1002")]
        assert [answer.status_code for answer in answers] == [403, 403]
        plain = [answer.text.replace("1001", "").replace("1002", "") for answer in answers]
        assert headers is JSON or plain[0] == plain[1]
        assert all(code in answer.text for answer in answers)
        assert not any(word in plain[0] for word in ("Kite", unit.code, "acme", "Verified"))
    assert "Enter the code that is printed on the label" in client.get(f"{link}1001").text


def test_attack_a_guessed_serial_number_with_a_guessed_code(client: TestClient, workspace: Workspace) -> None:
    """A wrong code is an unknown code: nobody learns whether the serial number exists."""
    first, second = units.issue(workspace, units.brand_with_key(workspace), serials=("1001", "1002"), count=0)
    answers = [
        client.get(f"/01/{first.gtin}/10/{first.lot}/21/{serial}?c={code}", headers=JSON)
        for serial, code in (
            ("1001", "0000000000000"),
            ("9", "0000000000000"),
            ("1001", second.code),
            ("1001", ""),
        )
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (404, "certificate.not_found")
    }


def test_a_brands_own_serial_number_with_its_code(client: TestClient, workspace: Workspace) -> None:
    """The link on the label carries the code. The form on the page asks for it in the same way."""
    (unit,) = units.issue(workspace, units.brand_with_key(workspace), serials=("1001",), count=0)
    link = label_url("http://127.0.0.1:8000", unit).removeprefix("HTTP://127.0.0.1:8000")
    assert link == f"/01/{unit.gtin}/10/{unit.lot}/21/1001?c={unit.code}"
    page = client.get(link)
    assert (page.status_code, "<h1>Verified</h1>" in page.text) == (200, True)
    told = client.get(link, headers=JSON).json()
    assert (told["serial"], told["code"], told["lot"]) == ("1001", unit.code, unit.lot)
    assert client.get(told["bundle"]).status_code == 200


def test_bundle_and_trust_are_enough(client: TestClient, unit: Certificate) -> None:
    """Bundle and trust verify without anything else, and other sites may fetch both."""
    served = client.get(f"/v1/certificates/{unit.code}/bundle")
    trust = client.get("/trust.json")
    report = bundle.verify(Bundle.from_json(served.content), Trust.from_json(trust.content), utc_now())
    assert report.outcome == "good"
    assert Trust.from_json(client.get("/trust.json?brand=acme").content).issuers.keys() == {
        "did:web:127.0.0.1%3A8000:brands:acme"
    }
    for answer in (served, trust):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cache-control"] == "public, max-age=30"


def test_a_wallet_fetches_the_credential_alone(client: TestClient, unit: Certificate) -> None:
    """The certificate has an address of its own, as a `vc+jwt` that names its design by an address."""
    served = client.get(f"/v1/certificates/{unit.code}/credential")
    assert served.headers["content-type"] == "application/vc+jwt"
    assert served.text == client.get(f"/v1/certificates/{unit.code}/bundle").json()["certificate"]
    read = Credential.read(served.text)
    assert read.design_id == unit.design_id
    design = read.payload["credentialSubject"]["design"]
    assert design["id"] == f"http://127.0.0.1:8000/v1/designs/{unit.design_id}"
    key = client.get("/brands/acme/did.json").json()["verificationMethod"][0]["publicKeyJwk"]
    assert key.keys() == {"kty", "crv", "x"}
    read.verify(decode_base64url(key["x"]))


def test_a_transaction_is_found_with_its_proof(client: TestClient, unit: Certificate) -> None:
    """A transaction has the text and the number of its entry, and a tlog-proof."""
    tx_id = client.get(f"/v1/certificates/{unit.code}").json()["tx_id"]
    told = client.get(f"/v1/tx/{tx_id}").json()
    assert (told["type"], told["subject"], told["anchor"]) == ("cert.issue", f"urn:uuid:{unit.id}", None)
    assert unit.serial not in told["entry"]
    assert told["proof"].startswith(f"c2sp.org/tlog-proof@v1\nindex {told['number']}\n")
    for other in ("0" * 64, "0x" + "0" * 64, "x"):
        assert client.get(f"/v1/tx/{other}").status_code == 404


def test_documents_name_the_keys(client: TestClient, unit: Certificate) -> None:
    """The brand and the operator each have a DID document with their keys."""
    brand = client.get("/brands/acme/did.json")
    did = "did:web:127.0.0.1%3A8000:brands:acme"
    assert brand.headers["content-type"] == "application/did+ld+json"
    assert (brand.json()["id"], brand.json()["assertionMethod"]) == (did, [f"{did}#key-1"])
    operator = client.get("/.well-known/did.json").json()
    assert operator["assertionMethod"] == ["did:web:127.0.0.1%3A8000#ledger"]
    assert client.get("/brands/nobody/did.json").status_code == 404
    assert client.get("/trust.json?brand=nobody").status_code == 404


def test_the_status_list_is_served_signed(client: TestClient, unit: Certificate) -> None:
    """The status list has an ETag and is at the address that certificates name."""
    served = client.get("/v1/status-lists/acme/0")
    assert served.headers["content-type"] == "application/vc+jwt"
    assert served.text == client.get(f"/v1/certificates/{unit.code}/bundle").json()["status"]["list"]
    again = client.get("/v1/status-lists/acme/0", headers={"if-none-match": served.headers["etag"]})
    assert again.status_code == 304
    for path in ("acme/1", "nobody/0"):
        assert client.get(f"/v1/status-lists/{path}").status_code == 404


def test_code_guessing_is_answered_alike_and_limited(settings: Settings) -> None:
    """Unknown and malformed codes get the same answer, word for word, and only a limited number of answers."""
    few = settings.model_copy(update={"public_checks_per_minute": 1})
    with TestClient(create_app(few)) as client:
        guesses = ["0000000000000", "ABC", "%C3%A9", "1" * 300, "00000000000001"]
        paths = [f"/v1/certificates/{guess}" for guess in guesses] + [
            "/01/04006381333931/10/L/21/0000000000000",
            "/01/1/10/L/21/S?c=0000000000000",
        ]
        answers = [client.get(path, headers=JSON) for path in paths]
        assert {answer.status_code for answer in answers} == {404}
        assert len({str({**answer.json(), "request_id": ""}) for answer in answers}) == 1
        typed = {client.get(f"/c/{guess}").status_code for guess in ("0000000000000", "ABC", "000000000000A")}
        assert typed == {404}
        assert client.get(paths[0]).status_code == 429
        page = client.get("/c/0000000000000")
        assert (page.status_code, "check right now" in page.text) == (429, True)
        assert int(page.headers["retry-after"]) > 0


@pytest.mark.parametrize(("lang", "heading"), [("en", "Verified"), ("zh-Hans", "验证通过")])
def test_a_page_for_every_address_of_a_label(
    client: TestClient, unit: Certificate, lang: str, heading: str
) -> None:
    """Lower-case and capital short addresses and the GS1 Digital Link show the same page, without JavaScript."""
    for path in (f"/c/{unit.code}", f"/C/{unit.code}", f"/01/4006381333931/10/L-1/21/{unit.serial}"):
        page = client.get(f"{path}?lang={lang}", headers={"accept": "text/html,*/*;q=0.8"})
        assert page.status_code == 200
        assert f"<h1>{heading}</h1>" in page.text
        assert f'<html lang="{lang}">' in page.text
        assert "Kite, red" in page.text
        assert page.text.count('class="is-true"') == 6
        assert page.text.count('class="is-off"') == 2
        assert "<verified-here hidden" in page.text


@pytest.mark.slow
def test_the_digital_link_answers_json_to_who_asks(client: TestClient, unit: Certificate) -> None:
    """With an Accept header for JSON, the Digital Link gives the same answer as the look-up by code."""
    answer = client.get(f"/01/04006381333931/10/L-1/21/{unit.serial}", headers=JSON)
    assert answer.json() == client.get(f"/v1/certificates/{unit.code}").json()
    assert answer.headers["vary"] == "Accept"


def test_slashes_in_gs1_numbers(client: TestClient, workspace: Workspace) -> None:
    """A lot or serial number may contain an escaped slash (GS1)."""
    design = units.brand_with_key(workspace)
    (odd,) = units.issue(workspace, design, lot="A/21/B", serials=("S/%1",), count=0)
    page = client.get(f"/01/04006381333931/10/A%2F21%2FB/21/S%2F%251?c={odd.code}")
    assert (page.status_code, odd.serial) == (200, "S/%1")
    assert "<h1>Verified</h1>" in page.text
    assert client.get(f"/01/04006381333931/10/A/21/B/21/S/%251?c={odd.code}").status_code == 404


def test_a_revoked_label_says_so(client: TestClient, workspace: Workspace, unit: Certificate) -> None:
    """The JSON and the page show the revocation and its reason."""
    units.revoke(workspace, unit, "recalled")
    told = client.get(f"/v1/certificates/{unit.code}").json()
    assert (told["outcome"], told["revocation_reason"]) == ("revoked", "recalled")
    page = client.get(f"/c/{unit.code}").text
    assert "<h1>Revoked</h1>" in page
    assert "recalls these items" in page


def test_an_unsigned_label_says_so(client: TestClient, workspace: Workspace) -> None:
    """A label whose brand has not signed yet gets no proof, and its page does not look verified."""
    (unit,) = units.issue(workspace, units.brand_with_key(workspace, own_key=True), count=1)
    told = client.get(f"/v1/certificates/{unit.code}").json()
    assert (told["outcome"], told["checked"], told["bundle"]) == ("unsigned", [], None)
    assert client.get(f"/v1/certificates/{unit.code}/bundle").status_code == 409
    page = client.get(f"/c/{unit.code}").text
    assert "<h1>We cannot tell</h1>" in page
    assert "its certificate is not signed yet" in page
    assert "verified-here" not in page


def test_an_unknown_label_has_a_page(client: TestClient) -> None:
    """The page of an unknown label makes no statement about authenticity."""
    page: Any = client.get("/c/0000000000000", headers={"accept-language": "zh-CN"})
    assert page.status_code == 404
    assert "<h1>查无此码</h1>" in page.text


def test_a_licensees_certificate_can_be_verified_by_its_keys(
    client: TestClient, workspace: Workspace
) -> None:
    """A licensee that is no brand publishes its keys like a brand: browsers and strangers verify its labels."""
    design = units.brand_with_key(workspace)
    licence = licences_made.licence(workspace, designs=(design,), licensee="maker")
    vault = signing_keys.open_vault(workspace.settings)
    with workspace.database.writing() as session:
        maker = organisations.get_organisation(session, "maker")
        assert maker.roles == ["licensee"]
        signing_keys.create_key(session, maker, vault, settings=workspace.settings, now=make.NOW)
    (unit,) = units.issue(workspace, design, handle="maker", licence_id=licence.id, count=1)
    proof = Bundle.from_json(client.get(f"/v1/certificates/{unit.code}/bundle").content)
    trust = Trust.from_json(client.get("/trust.json?brand=maker").content)
    assert bundle.verify(proof, trust, utc_now()).outcome == "good"
    assert client.get("/brands/maker/did.json").status_code == 200
