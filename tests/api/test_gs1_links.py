"""The links of a label as GS1's resolver standard asks for them, and the product passport."""

import re
from urllib.parse import quote

import pytest
import units_made as units
from dppvalidator.validators import ValidationEngine
from starlette.testclient import TestClient

from api.resolving import LINKSET
from authcheck.certificates.tables import Certificate
from authcheck.workspace import Workspace

URL = "http://127.0.0.1:8000"
VOCABULARY = "https://ref.gs1.org/voc/"
HTML = {"accept": "text/html"}


@pytest.fixture
def client(client: TestClient) -> TestClient:
    """Return a client that follows no redirects."""
    client.follow_redirects = False
    return client


@pytest.fixture
def unit(workspace: Workspace) -> Certificate:
    """Return a unit with a lot that an address must escape, and a serial number of ours."""
    return units.issue(workspace, units.brand_with_key(workspace), lot="L/1", count=1)[0]


def link(unit: Certificate) -> str:
    """Return the path of the unit's GS1 Digital Link."""
    return f"/01/{unit.gtin}/10/{quote(unit.lot, safe='')}/21/{unit.serial}"


@pytest.mark.parametrize("question", ["?linkType=linkset", "?linkType=all", ""])
def test_all_links_of_a_label(client: TestClient, unit: Certificate, question: str) -> None:
    """A linkset has one anchor, one default link with a title, and each other link with title and media type.

    These are the rules of the linkset schema of the standard: relations are addresses, languages are lists.
    """
    headers = {} if question else {"accept": LINKSET}
    served = client.get(link(unit) + question, headers=headers)
    assert (served.status_code, served.headers["content-type"]) == (200, LINKSET)
    assert served.headers["access-control-allow-origin"] == "*"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in served.headers["link"]
    (told,) = served.json()["linkset"]
    assert (told.pop("anchor"), told.pop("description")) == (URL + link(unit), "Kite, red")
    assert told.keys() == {f"{VOCABULARY}{name}" for name in
                           ("defaultLink", "certificationInfo", "verificationService", "dpp")}  # fmt: skip
    assert told[f"{VOCABULARY}defaultLink"] == [{"href": URL + link(unit), "title": "Kite, red"}]
    for name, targets in told.items():
        for target in targets:
            assert target["title"]
            answer = client.get(target["href"].removeprefix(URL), headers=HTML)
            assert answer.status_code == 200
            if not name.endswith("defaultLink"):
                assert answer.headers["content-type"].startswith(target["type"])
            assert all(re.fullmatch(r"\w{2}(-\w{2})?", language) for language in target.get("hreflang", []))


@pytest.mark.parametrize("prefix", ["gs1:", VOCABULARY, "https://gs1.org/voc/"])
def test_one_link_of_a_label(client: TestClient, unit: Certificate, prefix: str) -> None:
    """A link type leads to its target, under each name of GS1's vocabulary. The page itself is no redirect."""
    for name, target in (("dpp", "/passport"), ("verificationService", "")):
        led = client.get(link(unit), params={"linkType": prefix + name})
        assert led.status_code == 307
        assert led.headers["location"] == f"{URL}/v1/certificates/{unit.code}{target}"
    page = client.get(link(unit), params={"linkType": f"{prefix}certificationInfo"}, headers=HTML)
    assert (page.status_code, "text/html" in page.headers["content-type"]) == (200, True)


def test_a_link_that_a_label_does_not_have(client: TestClient, unit: Certificate) -> None:
    """An unknown type is a 404 that names those that exist, and not a page that says `unknown code`."""
    told = client.get(link(unit), params={"linkType": "gs1:recipeInfo"}, headers=HTML)
    assert (told.status_code, told.json()["code"]) == (404, "link.type")
    assert "certificationInfo, verificationService, dpp" in told.json()["detail"]


def test_strangers_get_no_links(client: TestClient, workspace: Workspace) -> None:
    """A link with a serial number that anybody can guess gives no linkset without the code."""
    brand = units.brand_with_key(workspace)
    (guessable,) = units.issue(workspace, brand, serials=("1001",), count=0)
    for asked in (link(guessable), f"/01/{guessable.gtin}/21/9999"):
        refused = client.get(asked, headers={"accept": LINKSET})
        assert (refused.status_code, refused.json()["code"]) == (403, "certificate.code_needed")
        assert guessable.code not in refused.text
    told = client.get(f"{link(guessable)}?c={guessable.code}", headers={"accept": LINKSET}).json()
    assert told["linkset"][0]["anchor"] == URL + link(guessable)
    (default,) = told["linkset"][0][f"{VOCABULARY}defaultLink"]
    assert default["href"] == f"{URL}{link(guessable)}?c={guessable.code}"
    assert client.get(f"/01/{guessable.gtin}/21/{'0' * 13}", headers={"accept": LINKSET}).status_code == 404


def test_the_page_leads_to_its_links(client: TestClient, unit: Certificate) -> None:
    """The page of a label names its linkset in a header, and the description file names the service."""
    page = client.get(f"/01/{unit.gtin}/21/{unit.serial}", headers=HTML)
    found = re.fullmatch(r'<([^>]+)>; rel="linkset"; type="application/linkset\+json"', page.headers["link"])
    assert found
    assert client.get(found[1]).headers["content-type"] == LINKSET
    described = client.get("/.well-known/gs1resolver").json()
    assert described["resolverRoot"] == URL
    assert described["supportedPrimaryKeys"] == ["01"]
    assert described["supportedLinkType"] == [{"namespace": VOCABULARY, "prefix": "gs1:"}]


def test_a_passport_is_valid_for_the_united_nations(client: TestClient, unit: Certificate) -> None:
    """A validator of others accepts the passport, which says what the certificate says and nothing else."""
    served = client.get(f"/v1/certificates/{unit.code}/passport")
    assert served.headers["content-type"] == "application/vc"
    passport = served.json()
    report = ValidationEngine(schema_version="0.6.1", layers=["schema"]).validate(passport)
    assert [str(error) for error in report.errors] == []
    told = passport["credentialSubject"]["product"]
    assert (told["name"], told["registeredId"], told["batchNumber"], told["serialNumber"]) == (
        "Kite, red", unit.gtin, "L/1", unit.serial)  # fmt: skip
    assert passport["issuer"]["id"] == "did:web:127.0.0.1%3A8000:brands:acme"
    assert not {"countryOfProduction", "producedAtFacility", "productionDate"} & told.keys()
    for further in told["furtherInformation"]:
        assert client.get(further["linkURL"].removeprefix(URL)).status_code == 200
    damaged = {**passport, "issuer": {"id": "acme"}}
    assert ValidationEngine(schema_version="0.6.1", layers=["schema"]).validate(damaged).errors
    assert client.get(f"/v1/certificates/{unit.id}/passport").status_code == 403
