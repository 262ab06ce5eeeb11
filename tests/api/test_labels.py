"""Labels over HTTP: sheets for their brand, and label reading for everybody."""

import certificates_made as made
import labels_made
import make
import pytest
from starlette.testclient import TestClient

from authcheck.certificates.pins import pin_of
from authcheck.labels.sheets import label_url
from authcheck.labels.symbols_child import search
from authcheck.workspace import Workspace

Headers = dict[str, str]
HOST = "http://127.0.0.1:8000"


@pytest.fixture
def acme(workspace: Workspace) -> made.Brand:
    """A brand with a design and a key."""
    return made.brand(workspace)


@pytest.fixture
def issuer(workspace: Workspace, acme: made.Brand) -> Headers:
    """Acme's key for its certificates."""
    return {"Authorization": f"Bearer {make.key(workspace, 'certificates:issue')}"}


def on(document: bytes) -> list[str]:
    """The texts of the QR codes of a PDF."""
    return [text for page in labels_made.pages(document, 200) for text in search(page, 60)]


@pytest.mark.slow
def test_a_brand_prints_its_labels(client: TestClient, acme: made.Brand, issuer: Headers) -> None:
    """The answer is a PDF with each code once, and a header with the module's size."""
    batch = acme.issue(count=5)
    answer = client.get(f"/v1/batches/{batch.id}/labels.pdf", headers=issuer, params={"short": "true"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == f'attachment; filename="{batch.id}.pdf"'
    assert float(answer.headers["qr-module-mm"]) >= 0.4
    expected = [f"HTTP://127.0.0.1:8000/C/{unit.code}" for unit in acme.certificates()]
    assert sorted(on(answer.content)) == sorted(expected)


@pytest.mark.slow
def test_a_large_batch_is_printed_in_parts(client: TestClient, acme: made.Brand, issuer: Headers) -> None:
    """`first` and `count` select a part of the batch. Beyond its end there is no label."""
    batch = acme.issue(count=5)
    url = f"/v1/batches/{batch.id}/labels.pdf"
    parts = [
        text
        for first in (1, 3, 5)
        for text in on(client.get(url, headers=issuer, params={"first": first, "count": 2}).content)
    ]
    assert sorted(parts) == sorted(on(client.get(url, headers=issuer).content))
    beyond = client.get(url, headers=issuer, params={"first": 6})
    assert (beyond.status_code, beyond.json()["code"]) == (409, "label.none")
    assert client.get(url, headers=issuer, params={"count": 501}).status_code == 422


def test_pins_are_printed_where_asked_for(client: TestClient, acme: made.Brand, issuer: Headers) -> None:
    """PINs are printed only for a batch that has PINs."""
    batch = acme.issue(pins=True)
    answer = client.get(f"/v1/batches/{batch.id}/labels.pdf", headers=issuer, params={"pins": "true"})
    said = labels_made.words(answer.content)
    assert all((pin_of(acme.vault, unit) or "-") in said for unit in acme.certificates())
    plain = acme.issue("r2")
    refused = client.get(f"/v1/batches/{plain.id}/labels.pdf", headers=issuer, params={"pins": "true"})
    assert (refused.status_code, refused.json()["code"]) == (409, "label.no_pins")


def test_labels_are_their_brands_alone(client: TestClient, workspace: Workspace, acme: made.Brand) -> None:
    """A caller without a key, without the scope or of another brand gets no sheet."""
    url = f"/v1/batches/{acme.issue().id}/labels.pdf"
    rival = {"Authorization": f"Bearer {make.key(workspace, 'certificates:issue', owner='globex')}"}
    writer = {"Authorization": f"Bearer {make.key(workspace, 'designs:write')}"}
    assert client.get(url).status_code == 401
    assert client.get(url, headers=writer).status_code == 403
    assert client.get(url, headers=rival).status_code == 404


@pytest.mark.slow
def test_a_label_that_was_printed_is_read_and_looked_up(
    client: TestClient, acme: made.Brand, issuer: Headers
) -> None:
    """Without a key, a printed label is read and its certificate is looked up."""
    batch = acme.issue(count=1)
    (unit,) = acme.certificates()
    sheet = client.get(f"/v1/batches/{batch.id}/labels.pdf", headers=issuer).content
    (page,) = labels_made.pages(sheet, 200)
    (read,) = client.post("/v1/labels/read", files={"image": ("photo.png", make.encode(page))}).json()[
        "labels"
    ]
    assert (read["ours"], read["code"], read["serial"]) == (True, unit.code, unit.serial)
    found = client.get(read["lookup"])
    assert (found.status_code, unit.code in found.text) == (200, True)


def test_a_brands_own_serial_number_is_looked_up_by_its_code(client: TestClient, acme: made.Brand) -> None:
    """The link of a brand's own serial number carries the code. Without the code, the answer asks for it."""
    acme.issue(serials=("A-001",), lot="L1")
    (unit,) = acme.certificates()
    data = make.encode(labels_made.symbol(label_url(HOST, unit)))
    (read,) = client.post("/v1/labels/read", content=data, headers={"content-type": "image/png"}).json()[
        "labels"
    ]
    assert (read["code"], read["lookup"]) == (unit.code, f"/v1/certificates/{unit.code}")
    text = f"HTTP://127.0.0.1:8000/01/{made.GTIN_14}/10/L1/21/A-001"
    data = make.encode(labels_made.symbol(text))
    (read,) = client.post("/v1/labels/read", content=data, headers={"content-type": "image/png"}).json()[
        "labels"
    ]
    assert (read["code"], read["lookup"]) == (None, f"/01/{made.GTIN_14}/10/L1/21/A-001")
    found = client.get(read["lookup"], headers={"Accept": "application/json"})
    assert (found.status_code, found.json()["code"]) == (403, "certificate.code_needed")


@pytest.mark.parametrize("text", ["javascript:alert(1)", "https://evil.example/c/0", "<script>", "a\x07b"])
def test_hostile_codes_are_not_ours(client: TestClient, text: str) -> None:
    """A foreign code is shown as text, without a link or a look-up."""
    data = make.encode(labels_made.symbol(text))
    answer = client.post("/v1/labels/read", content=data, headers={"content-type": "image/png"})
    (read,) = answer.json()["labels"]
    assert (answer.status_code, read["ours"], read["lookup"]) == (200, False, None)
    assert "://" not in read["text"]
    assert "javascript:" not in read["text"]


def test_what_is_no_picture_is_refused(client: TestClient) -> None:
    """A file that is no picture is refused as everywhere. A body beyond the limit is not read."""
    for data, status in ((b"", 422), (b"no picture", 422), (b"x" * 27_000_000, 413)):
        answer = client.post("/v1/labels/read", content=data, headers={"content-type": "image/png"})
        assert answer.status_code == status


def test_reading_is_counted_by_address(client: TestClient) -> None:
    """An address may read as many labels a minute as it may make checks, and then gets 429."""
    limit = 30
    data = b"no picture"
    answers = [
        client.post("/v1/labels/read", content=data, headers={"content-type": "image/png"}).status_code
        for _ in range(limit + 1)
    ]
    assert answers == [422] * limit + [429]
