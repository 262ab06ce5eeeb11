"""Checks over HTTP: the full answer for a key, and the short answer for the public."""

import hashlib
from collections.abc import Callable
from typing import Any

import make
import pytest
from foreign_files import heic, pdf, svg
from starlette.testclient import TestClient

from authcheck.members import api_keys
from authcheck.workspace import Workspace

Headers = dict[str, str]
NewDesign = Callable[..., dict[str, Any]]

PUBLIC_FIELDS = {
    "id",
    "verdict",
    "note",
    "design",
    "reasons",
    "findings",
    "evidence",
    "notes",
    "policy",
    "scheme",
    "asked_at",
    "picture_sha256",
}


def _check(
    client: TestClient, headers: Headers | None = None, seed: int = 1, image_format: str = "JPEG"
) -> Any:
    files = {"image": ("listing.jpg", make.picture_bytes(seed, image_format))}
    return client.post("/v1/checks", headers=headers or {}, files=files)


def test_the_public_learns_verdict_title_and_owner(client: TestClient, new_design: NewDesign) -> None:
    """The public gets the verdict, the design's title and owner and, if it is on, the preview."""
    design = new_design("SECRET-REF", title="Koi", public_preview="true")
    answer = _check(client)
    assert answer.status_code == 201
    assert answer.json()["verdict"] == "match"
    assert answer.json()["design"] == {
        "id": design["id"],
        "title": "Koi",
        "owner": {"name": "acme"},
        "preview": design["preview"],
    }
    assert client.get(answer.headers["location"]).json() == answer.json()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_public_gets_no_hash_oracle(client: TestClient, new_design: NewDesign, seed: int) -> None:
    """The public body has a fixed set of fields, without score, distance, method, view or reference."""
    design = new_design("SECRET-REF", title="Koi", seed=1)
    answer = _check(client, seed=seed)
    body = answer.json()
    assert set(body) == PUBLIC_FIELDS
    assert body["verdict"] == ("match" if seed == 1 else "none")
    assert all(set(reason) == {"code"} for reason in body["reasons"])
    assert body["design"] is None or set(body["design"]) == {"id", "title", "owner", "preview"}
    told = answer.text + str(answer.headers)
    assert "SECRET-REF" not in told
    assert design["views"][0]["sha256"] not in told
    for word in ("score", "distance", "method", "phash", "dhash", "bits", "weight", "view"):
        assert f'"{word}' not in answer.text.replace('"preview"', "")


def test_a_key_learns_score_method_and_reasons(
    client: TestClient, login: Callable[..., Headers], checker: Headers, new_design: NewDesign
) -> None:
    """A key gets all reasons. The matched view's hash appears only for the asker's own design."""
    design = new_design("R-1")
    theirs = _check(client, checker).json()
    assert theirs["verdict"] == "match"
    assert theirs["score"] > 0.9
    assert theirs["method"]
    assert theirs["design"]["reference"] == "R-1"
    assert theirs["design"]["owner"] == {"handle": "acme", "name": "acme"}
    assert theirs["design"]["view_sha256"] is None
    assert set(theirs["reasons"][0]) == {"code", "weight", "params"}
    assert theirs["picture_name"] == "listing.jpg"
    own = _check(client, login("listings:check", owner="acme")).json()
    assert own["design"]["view_sha256"] == design["views"][0]["sha256"]


@pytest.mark.slow
def test_where_nothing_was_found_no_design_is_named(
    client: TestClient, checker: Headers, new_design: NewDesign
) -> None:
    """The answer never names a design below the threshold, not even for a key."""
    new_design()
    body = _check(client, checker, seed=2).json()
    assert (body["verdict"], body["design"], body["method"]) == ("none", None, None)
    assert "does not tell whether a product is genuine" in body["note"]


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/octet-stream", "IMAGE/PNG; x=y"])
def test_a_raw_body_is_a_picture_too(client: TestClient, content_type: str) -> None:
    """A raw body is checked as a picture, and the answer has its SHA-256."""
    data = make.picture_bytes(1, "JPEG")
    answer = client.post("/v1/checks", headers={"Content-Type": content_type}, content=data)
    assert answer.status_code == 201
    assert answer.json()["picture_sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.slow
def test_a_check_is_seen_by_its_organisation_only(
    client: TestClient, checker: Headers, login: Callable[..., Headers]
) -> None:
    """For another organisation and the public, a check is an unknown id.

    Anybody with its id may read an anonymous check.
    """
    mine = _check(client, checker).json()
    stranger = login("listings:check", owner="stranger")
    assert client.get(f"/v1/checks/{mine['id']}", headers=checker).json() == mine
    for headers in (stranger, {}):
        answer = client.get(f"/v1/checks/{mine['id']}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "check.not_found")
    anonymous = _check(client).json()
    assert client.get(f"/v1/checks/{anonymous['id']}", headers=stranger).json() == anonymous


@pytest.mark.slow
def test_checks_are_listed_for_their_organisation(
    client: TestClient, checker: Headers, brand: Headers
) -> None:
    """An organisation lists its own checks page by page, and needs a key with the scope."""
    asked = [_check(client, checker, seed=seed).json()["id"] for seed in (1, 2, 3)]
    _check(client)
    page = client.get("/v1/checks?limit=2", headers=checker).json()
    rest = client.get(f"/v1/checks?after={page['next']}", headers=checker).json()
    assert [item["id"] for item in page["items"] + rest["items"]] == sorted(asked)
    assert client.get("/v1/checks").status_code == 401
    assert client.get("/v1/checks", headers=brand).status_code == 403


def test_a_bad_key_never_falls_back_to_the_public_answer(
    client: TestClient, brand: Headers, workspace: Workspace
) -> None:
    """An unknown or revoked key, or a key without the scope, is refused and never gets the public answer."""
    token = make.key(workspace, "listings:check")
    with workspace.database.writing() as session:
        api_keys.revoke_key(session, "_".join(token.split("_")[:2]), organisation_id=None, now=make.NOW)
    for headers, code in (
        ({"Authorization": "Bearer ack_0_0"}, "auth.key_unknown"),
        ({"Authorization": f"Bearer {token}"}, "auth.key_revoked"),
        (brand, "auth.scope"),
    ):
        assert _check(client, headers).json()["code"] == code


@pytest.mark.slow
def test_an_animated_picture_is_judged_by_its_first_frame_and_says_so(client: TestClient) -> None:
    """The answer has a note that only the first frame was judged."""
    frames = [make.picture(seed) for seed in (1, 2)]
    data = make.encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    answer = client.post("/v1/checks", files={"image": ("a.gif", data)})
    assert answer.json()["notes"] == ["image.animated"]


@pytest.mark.slow
@pytest.mark.parametrize("media_type", ["image/heic", "image/heif", "application/octet-stream"])
def test_a_photo_of_an_iphone_is_checked(client: TestClient, new_design: NewDesign, media_type: str) -> None:
    """HEIC is read from the bytes, whatever the media type says."""
    new_design("KOI", title="Koi", seed=1)
    data = heic(make.picture(1))
    answer = client.post("/v1/checks", headers={"Content-Type": media_type}, content=data)
    assert (answer.status_code, answer.json()["verdict"]) == (201, "match")
    form = client.post("/v1/checks", files={"image": ("IMG_0001.HEIC", data, media_type)})
    assert form.json()["verdict"] == "match"


@pytest.mark.slow
def test_a_page_of_a_pdf_is_checked_and_said(client: TestClient, new_design: NewDesign) -> None:
    """The answer says that a PDF has further pages. An SVG that links to files is refused with its code."""
    answer = client.post("/v1/checks", files={"image": ("logo.pdf", pdf(2), "application/pdf")})
    assert answer.json()["notes"] == ["image.first_page"]
    raw = client.post("/v1/checks", headers={"Content-Type": "application/pdf"}, content=pdf(2))
    assert (raw.status_code, raw.json()["notes"]) == (201, ["image.first_page"])
    link = svg('<image href="/etc/passwd" width="9" height="9"/>')
    refused = client.post("/v1/checks", files={"image": ("logo.svg", link, "image/svg+xml")})
    assert (refused.status_code, refused.json()["code"]) == (422, "image.svg_link")
