"""Pictures of a design over HTTP: originals for the owner, a preview for the public."""

import io
from collections.abc import Callable
from typing import Any

import make
import pytest
from foreign_files import heic, pdf, svg
from PIL import Image
from starlette.testclient import TestClient

Headers = dict[str, str]
NewDesign = Callable[..., dict[str, Any]]


def test_pictures_are_added_and_removed(client: TestClient, brand: Headers, new_design: NewDesign) -> None:
    """Each change of the pictures gives a new ETag. The last picture cannot be removed."""
    design = new_design(seed=1)
    url = f"/v1/designs/{design['id']}"
    first = design["views"][0]["sha256"]
    added = client.post(f"{url}/views", headers=brand, files={"image": ("b.png", make.picture_bytes(2))})
    assert (added.status_code, len(added.json()["views"])) == (201, 2)
    assert added.headers["etag"] != '"1"'
    again = client.post(f"{url}/views", headers=brand, files={"image": ("b.png", make.picture_bytes(2))})
    assert again.json() == added.json()
    removed = client.delete(f"{url}/views/{first}", headers=brand)
    assert (removed.status_code, len(removed.json()["views"])) == (200, 1)
    assert removed.headers["etag"] not in {'"1"', added.headers["etag"]}
    gone = client.delete(f"{url}/views/{first}", headers=brand)
    assert (gone.status_code, gone.json()["code"]) == (404, "view.not_found")
    last = client.delete(f"{url}/views/{removed.json()['views'][0]['sha256']}", headers=brand)
    assert (last.status_code, last.json()["code"]) == (409, "view.last")


def test_a_retired_design_takes_no_pictures(
    client: TestClient, brand: Headers, new_design: NewDesign
) -> None:
    """Adding a picture to a retired design is a conflict."""
    url = f"/v1/designs/{new_design()['id']}"
    client.post(f"{url}/retire", headers=brand)
    answer = client.post(f"{url}/views", headers=brand, files={"image": ("b.png", make.picture_bytes(2))})
    assert (answer.status_code, answer.json()["code"]) == (409, "design.retired")


@pytest.mark.parametrize(
    ("image_format", "media_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
    ],
)
def test_the_owner_gets_the_original_bytes(
    client: TestClient, brand: Headers, image_format: str, media_type: str
) -> None:
    """The owner gets the original bytes with their true type, and browsers may not guess another type."""
    data = make.picture_bytes(1, image_format)
    files = {"image": ("evil.html", data, "text/html")}
    design = client.post("/v1/designs", headers=brand, data={"reference": "R"}, files=files).json()
    answer = client.get(design["views"][0]["picture"], headers=brand)
    assert answer.content == data
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("inline; filename=")
    assert "evil" not in answer.headers["content-disposition"]
    cached = {**brand, "If-None-Match": answer.headers["etag"]}
    assert client.get(design["views"][0]["picture"], headers=cached).status_code == 304


@pytest.mark.parametrize("sha256", ["0" * 64, "..%2f..%2fauthcheck.db", "%00", "x" * 3000])
def test_a_picture_the_design_has_not_is_not_there(
    client: TestClient, brand: Headers, new_design: NewDesign, sha256: str
) -> None:
    """Only pictures of this design are served. Another hash or a path is not found."""
    answer = client.get(f"/v1/designs/{new_design()['id']}/views/{sha256}/picture", headers=brand)
    assert answer.status_code == 404


def test_the_preview_is_small_and_carries_nothing_of_the_file(client: TestClient, brand: Headers) -> None:
    """The preview has at most 320 px and is encoded anew, without metadata.

    Its ETag is not the picture's hash.
    """
    exif = Image.Exif()
    exif[0x010E] = "secret description"
    data = make.encode(make.picture(3, (900, 700)), "JPEG", exif=exif, comment=b"secret comment")
    files = {"image": ("a.jpg", data)}
    words = {"reference": "R", "public_preview": "true"}
    design = client.post("/v1/designs", headers=brand, data=words, files=files).json()
    answer = client.get(design["preview"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert b"secret" not in answer.content
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert max(shown.size) == 320
        assert not shown.getexif()
        assert "icc_profile" not in shown.info
    assert design["views"][0]["sha256"] not in str(answer.headers)
    again = client.get(design["preview"], headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_preview_that_is_off_is_not_there(
    client: TestClient, brand: Headers, new_design: NewDesign
) -> None:
    """A preview that is off, a retired design and an unknown id give the same answer, except for the id."""
    hidden = new_design("HIDDEN", seed=1)
    shown = new_design("SHOWN", seed=2, public_preview="true")
    assert hidden["preview"] is None
    assert client.get(shown["preview"]).status_code == 200
    client.post(f"/v1/designs/{shown['id']}/retire", headers=brand)
    answers = []
    for design_id in (hidden["id"], shown["id"], "dsn_NOBODY"):
        answer = client.get(f"/v1/designs/{design_id}/preview")
        body = answer.json()
        body.pop("request_id")
        answers.append((answer.status_code, str(body).replace(design_id, "ID")))
    assert answers[0][0] == 404
    assert len(set(answers)) == 1


@pytest.mark.slow
def test_a_drawing_is_served_as_a_png(client: TestClient, brand: Headers) -> None:
    """Each page of a PDF is a picture of the design. No browser gets a stranger's SVG or PDF."""
    for name, data, count in (
        ("logo.svg", svg('<circle r="40"/><rect x="50" width="9" height="70"/>'), 1),
        ("book.pdf", pdf(2), 2),
    ):
        answer = client.post(
            "/v1/designs", headers=brand, data={"reference": name}, files={"image": (name, data)}
        )
        views = answer.json()["views"]
        assert (answer.status_code, len(views)) == (201, count)
        url = f"/v1/designs/{answer.json()['id']}/views/{views[0]['sha256']}/picture"
        assert client.get(url, headers=brand).headers["content-type"] == "image/png"
    data = heic(make.picture(4))
    answer = client.post(
        "/v1/designs", headers=brand, data={"reference": "H"}, files={"image": ("h.heic", data)}
    )
    url = f"/v1/designs/{answer.json()['id']}/views/{answer.json()['views'][0]['sha256']}/picture"
    got = client.get(url, headers=brand)
    assert (got.headers["content-type"], got.content) == ("image/heic", data)
