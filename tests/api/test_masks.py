"""Foreground masks and findability over HTTP."""

import io
from collections.abc import Callable
from typing import Any

import make
import pytest
from PIL import Image
from starlette.testclient import TestClient

Headers = dict[str, str]
NewDesign = Callable[..., dict[str, Any]]
PHOTO = make.encode(make.product_photo())


def _register(
    client: TestClient, headers: Headers, *masks: bytes | str, pictures: int = 1, kind: str = "photo"
) -> Any:
    """Register photos with masks, each a word or a file."""
    parts: list[tuple[str, Any]] = [
        ("image", (f"{number}.png", make.encode(make.product_photo(number)))) for number in range(pictures)
    ]
    parts += [
        ("mask", (None, mask)) if isinstance(mask, str) else ("mask", ("m.png", mask)) for mask in masks
    ]
    return client.post("/v1/designs", headers=headers, data={"reference": "TEE", "kind": kind}, files=parts)


def _mask_url(design: dict[str, Any]) -> str:
    return f"/v1/designs/{design['id']}/views/{design['views'][0]['sha256']}/mask"


def _source(answer: Any) -> str | None:
    assert answer.status_code == 200, answer.text
    found: str | None = answer.json()["views"][0]["mask_source"]
    return found


@pytest.mark.parametrize(
    ("kind", "masks", "source"),
    [
        ("photo", (), "automatic"),
        ("pattern", (), None),
        ("photo", ("none",), None),
        ("pattern", ("auto",), "automatic"),
        ("photo", (make.mask_bytes(),), "uploaded"),
    ],
)
def test_a_design_is_registered_within_its_mask(
    client: TestClient, brand: Headers, kind: str, masks: tuple[bytes | str, ...], source: str | None
) -> None:
    """Photos get an automatic mask unless the owner declines.

    Each picture has its mask's source and address.
    """
    answer = _register(client, brand, *masks, kind=kind)
    assert answer.status_code == 201, answer.text
    (view,) = answer.json()["views"]
    assert view["mask_source"] == source
    assert view["mask"] == (_mask_url(answer.json()) if source else None)
    assert view["findability"]["grade"] in {"good", "fair"}
    assert view["findability"]["points"] > 25


def test_each_picture_has_its_mask(client: TestClient, brand: Headers) -> None:
    """Mask files follow the order of the pictures. One word applies to all pictures."""
    answer = _register(client, brand, make.mask_bytes(), make.mask_bytes((60, 50, 160, 210)), pictures=2)
    first, second = answer.json()["views"]
    assert [view["mask_source"] for view in (first, second)] == ["uploaded", "uploaded"]
    masks = [client.get(view["mask"], headers=brand).content for view in (first, second)]
    assert masks[0] != masks[1]


@pytest.mark.parametrize(
    ("masks", "code"),
    [
        (("perhaps",), "request.masks"),
        ((make.mask_bytes(), make.mask_bytes()), "request.masks"),
        (("auto", "none"), "request.repeated"),
        (("auto", make.mask_bytes()), "request.repeated"),
        ((make.mask_bytes(size=(256, 320)),), "mask.size"),
        ((make.mask_bytes((0, 0, 0, 0)),), "mask.empty"),
        ((b"<html/>",), "mask.unreadable"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused(
    client: TestClient, brand: Headers, masks: tuple[bytes | str, ...], code: str
) -> None:
    """An unusable mask gets 422 with its code and the bad picture, and nothing is registered."""
    answer = _register(client, brand, *masks)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    if code.startswith("mask."):
        assert answer.json()["params"]["picture"] == "0.png"
    assert client.get("/v1/designs", headers=brand).json()["items"] == []


def test_a_mask_is_replaced_dropped_and_found_again(client: TestClient, brand: Headers) -> None:
    """PUT a file, DELETE and PUT auto each give the design a new ETag. The picture keeps its address."""
    design = _register(client, brand).json()
    url = _mask_url(design)
    put = client.put(url, headers=brand, files={"mask": ("m.png", make.mask_bytes())})
    assert _source(put) == "uploaded"
    dropped = client.delete(url, headers=brand)
    assert _source(dropped) is None
    assert client.get(url, headers=brand).json()["code"] == "mask.not_found"
    found = client.put(url, headers=brand, files={"mask": (None, "auto")})
    assert _source(found) == "automatic"
    assert len({answer.headers["etag"] for answer in (put, dropped, found)}) == 3
    assert [view["sha256"] for view in found.json()["views"]] == [design["views"][0]["sha256"]]
    picture = client.get(found.json()["views"][0]["picture"], headers=brand)
    assert picture.content == PHOTO


def test_the_owner_sees_the_mask(client: TestClient, brand: Headers) -> None:
    """The mask has one bit per pixel, the picture's shape, and an ETag."""
    design = _register(client, brand, make.mask_bytes()).json()
    answer = client.get(_mask_url(design), headers=brand)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    with Image.open(io.BytesIO(answer.content)) as mask:
        assert mask.mode == "1"
        assert mask.width / mask.height == pytest.approx(320 / 256, rel=0.02)
    again = client.get(_mask_url(design), headers=brand | {"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_a_mask_is_its_owners_alone(
    client: TestClient, brand: Headers, rival: Headers, checker: Headers, method: str
) -> None:
    """Another owner cannot find the design. The public and a key without the scope are refused."""
    url = _mask_url(_register(client, brand).json())
    body = {"files": {"mask": (None, "auto")}} if method == "put" else {}
    for headers, status in ((rival, 404), (checker, 403), ({}, 401)):
        assert client.request(method, url, headers=headers, **body).status_code == status


def test_a_put_needs_a_mask(client: TestClient, brand: Headers) -> None:
    """A body without a mask, with another part or with two masks gets an error that names the wanted part."""
    url = _mask_url(_register(client, brand).json())
    for files, code in (
        ([("mask", (None, ""))], "request.masks"),
        ([("image", ("m.png", make.mask_bytes()))], "request.unknown_field"),
        ([("mask", ("m.png", make.mask_bytes()))] * 2, "request.masks"),
    ):
        answer = client.put(url, headers=brand, files=files)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    raw = client.put(url, headers=brand | {"content-type": "image/png"}, content=make.mask_bytes())
    assert (raw.status_code, raw.json()["code"]) == (415, "request.content_type")


@pytest.mark.slow
def test_a_large_mask_is_read_and_a_larger_body_is_not(client: TestClient, brand: Headers) -> None:
    """A mask may be as large as a picture. A larger body is refused before decoding."""
    url = _mask_url(_register(client, brand).json())
    large = make.encode(Image.effect_noise((1280, 1024), 90).point(lambda level: level | 128))
    assert len(large) > 500_000
    assert _source(client.put(url, headers=brand, files={"mask": ("m.png", large)})) == "uploaded"
    limit = client.app.state.workspace.settings.max_picture_bytes  # type: ignore[attr-defined]
    huge = client.put(url, headers=brand, files={"mask": ("m.png", bytes(limit + 100_000))})
    assert (huge.status_code, huge.json()["code"]) == (413, "request.too_large")


def test_masks_of_unknown_pictures_and_retired_designs_stay(client: TestClient, brand: Headers) -> None:
    """A picture that the design never had gets 404. A retired design gets 409."""
    design = _register(client, brand).json()
    wrong = client.delete(f"/v1/designs/{design['id']}/views/{'0' * 64}/mask", headers=brand)
    assert (wrong.status_code, wrong.json()["code"]) == (404, "view.not_found")
    retired = client.post(f"/v1/designs/{design['id']}/retire", headers=brand).json()
    assert (retired["views"][0]["mask"], retired["views"][0]["mask_source"]) == (None, "automatic")
    answer = client.delete(_mask_url(design), headers=brand)
    assert (answer.status_code, answer.json()["code"]) == (409, "design.retired")


@pytest.mark.slow
def test_added_pictures_follow_the_designs_kind(
    client: TestClient, brand: Headers, new_design: NewDesign
) -> None:
    """An added picture of a photo gets an automatic mask, of a pattern none, unless a word says otherwise."""
    for reference, kind, mask, source in (
        ("A", "photo", (), "automatic"),
        ("B", "pattern", (), None),
        ("C", "photo", (("mask", (None, "none")),), None),
    ):
        design = new_design(reference, seed=ord(reference), kind=kind)
        answer = client.post(
            f"/v1/designs/{design['id']}/views", headers=brand, files=[("image", ("b.png", PHOTO)), *mask]
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["views"][1]["mask_source"] == source


def test_an_import_reports_what_will_be_hard_to_find(client: TestClient, brand: Headers) -> None:
    """The report has the count, and the grade and codes of each row, in JSON and CSV.

    Masks are uploaded beside the pictures.
    """
    table = "reference,kind,picture,mask\nTEE,photo,tee.png,mask.png\nDAWN,other,dawn.png,\n"
    dawn = make.encode(Image.linear_gradient("L").convert("RGB"))
    files = [
        ("table", ("t.csv", table.encode())),
        ("image", ("tee.png", PHOTO)),
        ("image", ("mask.png", make.mask_bytes())),
        ("image", ("dawn.png", dawn)),
    ]
    answer = client.post("/v1/imports", headers=brand, files=files)
    assert answer.status_code == 201, answer.text
    report = answer.json()
    assert report["poorly_findable"] == 1
    tee, poor = report["rows"]
    assert (tee["status"], tee["findability"] in {"good", "fair"}) == ("registered", True)
    assert (poor["status"], poor["findability"]) == ("registered", "poor")
    assert "design.few_points" in poor["warnings"]
    text = client.get(f"{answer.headers['location']}/report.csv", headers=brand).text
    assert "poor,design.few_points" in text
    designs = client.get("/v1/designs", headers=brand).json()["items"]
    assert [design["views"][0]["mask_source"] for design in designs] == ["uploaded", None]
