"""Designs over HTTP, for their owner."""

from collections.abc import Callable
from typing import Any

import make
import pytest
from PIL import Image
from sqlalchemy.orm.exc import StaleDataError
from starlette.testclient import TestClient

from authcheck.workspace import Workspace

Headers = dict[str, str]
NewDesign = Callable[..., dict[str, Any]]


def _post(client: TestClient, headers: Headers, seed: int = 1, **words: str) -> Any:
    files = {"image": ("a.png", make.picture_bytes(seed))}
    return client.post("/v1/designs", headers=headers, data={"reference": "R-1", **words}, files=files)


def test_a_registered_design_is_shown_to_its_owner(client: TestClient, brand: Headers) -> None:
    """A registration gets 201 with Location and ETag. Reading the design gives the same body."""
    answer = _post(client, brand, title="Koi", kind="pattern", public_preview="true")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["state"], body["title"], body["kind"]) == (
        "registered",
        "registered",
        "Koi",
        "pattern",
    )
    shown = client.get(answer.headers["location"], headers=brand)
    assert shown.headers["etag"] == answer.headers["etag"]
    assert {**shown.json(), "status": "registered", "twin": ""} == body


def test_the_same_design_again_is_already_yours(client: TestClient, brand: Headers) -> None:
    """A second registration gets 200 with the existing design, and changes nothing."""
    first = _post(client, brand)
    again = _post(client, brand)
    assert (again.status_code, again.json()["status"]) == (200, "already_yours")
    assert again.json()["id"] == first.json()["id"]


def test_a_near_copy_by_another_owner_is_held_as_a_dispute(
    client: TestClient, rival: Headers, new_design: NewDesign
) -> None:
    """The later owner learns the near design's owner, its reference and both times."""
    first = new_design("FIRST", seed=1)
    files = {"image": ("b.jpg", make.picture_bytes(1, "JPEG"))}
    answer = client.post("/v1/designs", headers=rival, data={"reference": "LATER"}, files=files)
    assert (answer.status_code, answer.json()["status"], answer.json()["state"]) == (
        201,
        "disputed",
        "disputed",
    )
    (dispute,) = answer.json()["disputes"]
    earlier, later = dispute["earlier"], dispute["later"]
    assert (earlier["owner"], earlier["reference"]) == ("acme", "FIRST")
    assert (earlier["registered_at"], earlier["design"]) == (first["registered_at"], first["id"])
    assert later["registered_at"] == answer.json()["registered_at"] > first["registered_at"]
    assert (dispute["verdict"], dispute["ended_by"]) == ("match", None)


def test_several_pictures_make_several_views(client: TestClient, brand: Headers) -> None:
    """Each `image` part is a view. The same picture twice is one view."""
    files = [("image", (f"{seed}.png", make.picture_bytes(seed))) for seed in (1, 2, 1)]
    answer = client.post("/v1/designs", headers=brand, data={"reference": "R"}, files=files)
    assert answer.status_code == 201
    assert len(answer.json()["views"]) == 2


def test_a_list_holds_ones_own_designs_only(
    client: TestClient, brand: Headers, rival: Headers, new_design: NewDesign
) -> None:
    """A list filters by state, is paged, and never shows another owner's design."""
    mine = [new_design(f"R-{seed}", seed=seed)["id"] for seed in (1, 2, 3)]
    client.post(f"/v1/designs/{mine[1]}/retire", headers=brand)
    page = client.get("/v1/designs?limit=2", headers=brand).json()
    rest = client.get(f"/v1/designs?limit=2&after={page['next']}", headers=brand).json()
    assert [item["id"] for item in page["items"] + rest["items"]] == mine
    assert rest["next"] is None
    retired = client.get("/v1/designs?state=retired", headers=brand).json()["items"]
    assert [item["id"] for item in retired] == [mine[1]]
    assert client.get("/v1/designs", headers=rival).json() == {"items": [], "next": None}
    assert client.get("/v1/designs?state=lost", headers=brand).json()["code"] == "request.invalid"


@pytest.mark.slow
def test_a_change_needs_the_etag_that_was_seen(
    client: TestClient, brand: Headers, new_design: NewDesign
) -> None:
    """A change without If-Match gets 428, with an old ETag 412, with the right ETag 200 and a new ETag."""
    url = f"/v1/designs/{new_design()['id']}"
    seen = client.get(url, headers=brand).headers["etag"]
    missing = client.patch(url, headers=brand, json={"title": "A"})
    assert (missing.status_code, missing.json()["code"]) == (428, "precondition.required")
    changed = client.patch(
        url, headers={**brand, "If-Match": seen}, json={"title": "A", "public_preview": True}
    )
    assert (changed.status_code, changed.json()["title"]) == (200, "A")
    assert changed.headers["etag"] != seen
    for stale in (seen, f"W/{changed.headers['etag']}", "nonsense", '""'):
        refused = client.patch(url, headers={**brand, "If-Match": stale}, json={"title": "B"})
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition.failed")
    assert client.get(url, headers=brand).json()["title"] == "A"
    assert client.patch(url, headers={**brand, "If-Match": "*"}, json={"title": None}).json()["title"] == "A"


def test_of_two_changes_at_once_one_is_refused(
    client: TestClient, brand: Headers, new_design: NewDesign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change gets 412 when another transaction wins between our read and our write."""
    url = f"/v1/designs/{new_design()['id']}"

    def lose(*_args: object, **_kwargs: object) -> None:
        raise StaleDataError("0 rows matched")

    monkeypatch.setattr("authcheck.registry.designs.update_design", lose)
    answer = client.patch(url, headers={**brand, "If-Match": "*"}, json={"title": "A"})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition.failed")


def test_an_unchanged_design_is_not_sent_again(
    client: TestClient, brand: Headers, new_design: NewDesign
) -> None:
    """An If-None-Match with the present ETag gets 304 without a body."""
    url = f"/v1/designs/{new_design()['id']}"
    etag = client.get(url, headers=brand).headers["etag"]
    answer = client.get(url, headers={**brand, "If-None-Match": f'"old", W/{etag}'})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"title": "x" * 301}, "request.invalid"),
        ({"title": "nul\x00"}, "request.invalid"),
        ({"kind": "poem"}, "design.kind"),
        ({"state": "registered"}, "request.invalid"),
        ({"public_preview": "perhaps"}, "request.invalid"),
        ([], "request.invalid"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(
    client: TestClient, brand: Headers, new_design: NewDesign, body: Any, code: str
) -> None:
    """An impossible change gets 422, and the design does not change."""
    url = f"/v1/designs/{new_design()['id']}"
    answer = client.patch(url, headers={**brand, "If-Match": "*"}, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.get(url, headers=brand).json()["version"] == 1


@pytest.mark.slow
def test_a_retired_design_is_no_longer_found(
    client: TestClient, brand: Headers, checker: Headers, new_design: NewDesign
) -> None:
    """Checks no longer find a retired design, but lists show it. A second retirement changes nothing."""
    url = f"/v1/designs/{new_design(seed=4)['id']}"
    files = {"image": ("a.png", make.picture_bytes(4))}
    assert client.post("/v1/checks", headers=checker, files=files).json()["verdict"] == "match"
    retired = client.post(f"{url}/retire", headers=brand)
    assert (retired.status_code, retired.json()["state"]) == (200, "retired")
    assert len(retired.json()["views"]) == 1
    assert client.post(f"{url}/retire", headers=brand).json() == retired.json()
    assert client.post("/v1/checks", headers=checker, files=files).json()["verdict"] == "none"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"reference": ""}, "design.reference"),
        ({"reference": "x" * 201}, "design.reference"),
        ({"reference": "nul\x00"}, "design.reference"),
        ({"title": "line\nbreak"}, "design.title"),
        ({"title": "nul\x00"}, "design.title"),
        ({"kind": "poem"}, "design.kind"),
        ({"public_preview": "perhaps"}, "request.not_a_flag"),
        ({"titel": "typo"}, "request.unknown_field"),
        ({"title": "x" * 20_000}, "request.text_too_long"),
    ],
)
def test_words_that_cannot_be_stored_are_refused(
    client: TestClient, brand: Headers, words: dict[str, str], code: str
) -> None:
    """A text that cannot be stored gets 422 with the field's code."""
    answer = _post(client, brand, **words)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.get("/v1/designs", headers=brand).json()["items"] == []


def test_a_taken_reference_is_a_conflict(client: TestClient, brand: Headers) -> None:
    """A reference with another picture gets 409, even when its design is retired."""
    first = _post(client, brand, seed=1)
    other = _post(client, brand, seed=2)
    assert (other.status_code, other.json()["code"]) == (409, "design.reference_taken")
    client.post(f"/v1/designs/{first.json()['id']}/retire", headers=brand)
    again = _post(client, brand, seed=1)
    assert (again.status_code, again.json()["code"]) == (409, "design.retired")


def test_a_bad_picture_is_named(client: TestClient, brand: Headers) -> None:
    """The error names the bad picture among several, and none is stored."""
    files = [("image", ("good.png", make.picture_bytes(1))), ("image", ("bad.png", b"not a picture"))]
    answer = client.post("/v1/designs", headers=brand, data={"reference": "R"}, files=files)
    assert (answer.status_code, answer.json()["code"]) == (422, "image.unreadable")
    assert answer.json()["params"]["picture"] == "bad.png"
    assert client.get("/v1/designs", headers=brand).json()["items"] == []


def test_a_full_disk_is_said_and_nothing_is_registered(
    client: TestClient, brand: Headers, workspace: Workspace
) -> None:
    """A picture that cannot be stored gets 503 and leaves no row. A later try succeeds."""
    workspace.store.folder.parent.mkdir(exist_ok=True, parents=True)
    workspace.store.folder.write_bytes(b"a file where the folder should be")
    answer = _post(client, brand)
    assert (answer.status_code, answer.json()["code"]) == (503, "storage.failed")
    assert str(workspace.store.folder) not in answer.text
    workspace.store.folder.unlink()
    assert _post(client, brand).status_code == 201


def test_a_registration_names_your_twin(
    client: TestClient, brand: Headers, new_design: Callable[..., dict[str, Any]]
) -> None:
    """The owner learns that the same art is registered already, under another reference."""
    assert new_design("PRINT")["twin"] == ""
    turned = make.encode(make.picture(1).transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90)
    answer = client.post(
        "/v1/designs", headers=brand, data={"reference": "TURNED"}, files={"image": ("b.jpg", turned)}
    )
    assert (answer.status_code, answer.json()["twin"]) == (201, "PRINT")
