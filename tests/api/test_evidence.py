"""The evidence picture over HTTP: its content, its readers, and its lifetime."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import evidence_scenes as scenes
import make
import pytest
from PIL import Image
from starlette.testclient import TestClient

from api.app import create_app
from api.drawings import WAITING
from authcheck.config import Settings
from authcheck.members import organisations
from authcheck.registry.tables import Design
from authcheck.vision.matching.overlay import SHOWN_PX
from authcheck.workspace import Workspace

Headers = dict[str, str]
PICTURE = make.picture(1)
PHOTO = make.encode(scenes.photo(PICTURE), "JPEG", quality=90)
PLACE = scenes.alignment(PICTURE)


@pytest.fixture
def design(workspace: Workspace) -> Design:
    """A design with one view and a public preview."""
    return scenes.registered(workspace, "KOI", title="Koi", seed=1, public_preview=True)


def market(workspace: Workspace) -> str:
    """The id of the organisation behind `checker`."""
    with workspace.database.writing() as session:
        return organisations.ensure_brand(session, "market", make.NOW).id


def opened(answer: Any) -> Image.Image:
    """The picture of a response."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/webp"
    return Image.open(io.BytesIO(answer.content))


def shows_designs(answer: Any) -> bool:
    """Tell whether the picture has panels beside the submission."""
    return opened(answer).width > SHOWN_PX["wide"][0] + 450


def test_a_check_that_found_something_has_evidence(client: TestClient, design: Design) -> None:
    """The answer to an upload links to its evidence picture, and the picture can be fetched."""
    body = client.post("/v1/checks", files={"image": ("a.jpg", make.picture_bytes(1, "JPEG"))}).json()
    assert body["evidence"] == f"/v1/checks/{body['id']}/evidence"
    assert [one["design"]["id"] for one in body["findings"]] == [design.id]
    assert opened(client.get(body["evidence"])).width <= 1600


@pytest.mark.slow
def test_a_check_that_found_nothing_keeps_nothing(client: TestClient, workspace: Workspace) -> None:
    """A check without findings stores no copy. A request for its evidence gets the reason."""
    body = client.post("/v1/checks", files={"image": ("a.jpg", make.picture_bytes(8, "JPEG"))}).json()
    assert (body["verdict"], body["findings"], body["evidence"]) == ("none", [], None)
    answer = client.get(f"/v1/checks/{body['id']}/evidence")
    assert (answer.status_code, answer.json()["code"]) == (404, "evidence.none")
    assert "The check found no design" in answer.json()["detail"]
    assert not workspace.settings.submissions_dir.exists()


def test_findings_say_where_each_design_is(
    client: TestClient, workspace: Workspace, design: Design, checker: Headers
) -> None:
    """A key gets outline, coverage, transform, score and method. The public gets outline and coverage."""
    second = scenes.registered(workspace, "OWL", seed=2)
    rows = [scenes.finding(design, PLACE), scenes.finding(second, None, "lookalike")]
    own = scenes.answered(workspace, PHOTO, rows, organisation_id=market(workspace))
    first, other = client.get(f"/v1/checks/{own}", headers=checker).json()["findings"]
    assert first["outline"] == [list(corner) for corner in scenes.SLANTED]
    assert first["coverage"] == 0.9
    assert set(first["transform"]) == {"mirrored", "inverted", "angle_deg", "scale"}
    assert (first["score"], first["method"], first["design"]["reference"]) == (0.97654, "local", "KOI")
    assert (other["verdict"], other["outline"], other["transform"]) == ("lookalike", None, None)
    (listed,) = client.get("/v1/checks", headers=checker).json()["items"]
    assert listed["findings"] == [first, other]
    public = client.get(f"/v1/checks/{scenes.answered(workspace, PHOTO, rows)}")
    assert set(public.json()["findings"][0]) == {"design", "verdict", "reasons", "outline", "coverage"}
    assert set(public.json()["findings"][0]["reasons"][0]) == {"code"}
    for secret in ("97654", "local", "KOI", "transform", "weight", "homography"):
        assert secret not in public.text


@pytest.mark.slow
def test_evidence_is_seen_by_whoever_sees_the_check(
    client: TestClient, workspace: Workspace, design: Design, checker: Headers, login: Callable[..., Headers]
) -> None:
    """Another organisation and the public get the answer of an unknown check."""
    own = scenes.answered(
        workspace, PHOTO, [scenes.finding(design, PLACE)], organisation_id=market(workspace)
    )
    url = f"/v1/checks/{own}/evidence"
    assert shows_designs(client.get(url, headers=checker))
    for headers in ({}, login("listings:check", owner="stranger")):
        answer = client.get(url, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "check.not_found")
    assert client.get(url, headers={"Authorization": "Bearer ack_0_0"}).status_code == 401


@pytest.mark.parametrize("check_id", ["chk_NOBODY", "..%2f..%2fauthcheck.db", "%00", "x" * 500])
def test_an_unknown_check_has_no_evidence(client: TestClient, check_id: str) -> None:
    """Any text that is no id of a check has no evidence."""
    assert client.get(f"/v1/checks/{check_id}/evidence").status_code == 404


@pytest.mark.slow
def test_the_public_sees_a_design_only_where_its_preview_is_on(
    client: TestClient, workspace: Workspace, design: Design, brand: Headers, checker: Headers
) -> None:
    """The public sees only the outline when the preview is off, withdrawn or of another view.

    The organisation sees all.
    """
    hidden = scenes.registered(workspace, "OWL", seed=2)
    photo = make.encode(scenes.photo(make.picture(2)), "JPEG")
    anonymous = scenes.answered(workspace, photo, [scenes.finding(hidden, PLACE)])
    assert not shows_designs(client.get(f"/v1/checks/{anonymous}/evidence"))
    assert not shows_designs(client.get(f"/v1/checks/{anonymous}/evidence", headers=checker))
    own = scenes.answered(
        workspace, photo, [scenes.finding(hidden, PLACE)], organisation_id=market(workspace)
    )
    assert shows_designs(client.get(f"/v1/checks/{own}/evidence", headers=checker))
    shown = scenes.answered(workspace, PHOTO, [scenes.finding(design, PLACE)])
    assert shows_designs(client.get(f"/v1/checks/{shown}/evidence"))
    client.post(
        f"/v1/designs/{design.id}/views", headers=brand, files={"image": ("b.png", make.picture_bytes(3))}
    )
    second = scenes.finding(design, PLACE)
    views = scenes.design_again(workspace, design.id).views
    second["view_number"] = max(view.number for view in views)
    other_view = scenes.answered(workspace, PHOTO, [second])
    assert not shows_designs(client.get(f"/v1/checks/{other_view}/evidence"))
    client.post(f"/v1/designs/{design.id}/retire", headers=brand)
    assert not shows_designs(client.get(f"/v1/checks/{shown}/evidence"))


@pytest.mark.slow
def test_evidence_is_private_never_guessed_at_and_asked_for_again(
    client: TestClient, workspace: Workspace, design: Design, brand: Headers
) -> None:
    """The ETag names no picture, stays while nothing changes, and changes when the owner switches the preview off."""
    url = f"/v1/checks/{scenes.answered(workspace, PHOTO, [scenes.finding(design, PLACE)])}/evidence"
    answer = client.get(url)
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["content-disposition"].startswith("inline; filename=")
    assert client.get(url).content == answer.content
    same = {"If-None-Match": answer.headers["etag"]}
    again = client.get(url, headers=same)
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{url}?layout=tall", headers=same).status_code == 200
    change = {**brand, "If-Match": client.get(f"/v1/designs/{design.id}", headers=brand).headers["etag"]}
    assert client.patch(f"/v1/designs/{design.id}", headers=change, json={"public_preview": False}).is_success
    assert client.get(url, headers=same).status_code == 200
    assert design.views[0].picture_sha256 not in str(answer.headers)


def test_the_picture_stands_on_a_narrow_screen_too(
    client: TestClient, workspace: Workspace, design: Design
) -> None:
    """The layout `tall` is for phones. An unknown layout is refused."""
    url = f"/v1/checks/{scenes.answered(workspace, PHOTO, [scenes.finding(design, PLACE)])}/evidence"
    tall = opened(client.get(f"{url}?layout=tall"))
    assert tall.width <= 720 < tall.height
    assert client.get(f"{url}?layout=round").json()["code"] == "request.invalid"


def test_evidence_ends(client: TestClient, workspace: Workspace, design: Design) -> None:
    """After the configured days the check stays, its evidence is deleted, and the answer says why."""
    check_id = scenes.answered(workspace, PHOTO, [scenes.finding(design, PLACE)])
    scenes.change(workspace, check_id, asked_at=datetime.now(UTC) - timedelta(days=31))
    assert client.get(f"/v1/checks/{check_id}").json()["evidence"] is None
    answer = client.get(f"/v1/checks/{check_id}/evidence")
    assert (answer.status_code, answer.json()["code"]) == (404, "evidence.none")
    assert "30 days" in answer.json()["detail"]


def _cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize("harm", [Path.unlink, _cut_off])
def test_a_lost_copy_is_no_fault(
    client: TestClient, workspace: Workspace, design: Design, harm: Callable[[Path], None]
) -> None:
    """A missing or damaged copy gets 404 with the reason, never a 500."""
    check_id = scenes.answered(workspace, PHOTO, [scenes.finding(design, PLACE)])
    for path in workspace.settings.submissions_dir.rglob("*.webp"):
        harm(path)
    answer = client.get(f"/v1/checks/{check_id}/evidence")
    assert (answer.status_code, answer.json()["code"]) == (404, "evidence.none")


def test_a_lost_or_altered_design_picture_leaves_the_outline(
    client: TestClient, workspace: Workspace, design: Design
) -> None:
    """The submission with its outline is shown without the picture of the design."""
    check_id = scenes.answered(workspace, PHOTO, [scenes.finding(design, PLACE)])
    for path in workspace.settings.pictures_dir.rglob("*"):
        if path.is_file():
            path.write_bytes(b"another picture")
    assert not shows_designs(client.get(f"/v1/checks/{check_id}/evidence"))


@pytest.mark.parametrize("broken", [{}, {"homography": [1]}, "x", [1]])
def test_a_broken_alignment_is_an_unknown_place(
    client: TestClient, workspace: Workspace, design: Design, broken: Any
) -> None:
    """An unreadable alignment is left out, and the two pictures are shown side by side."""
    row = {**scenes.finding(design, PLACE), "alignment": broken}
    check_id = scenes.answered(workspace, PHOTO, [row])
    assert client.get(f"/v1/checks/{check_id}").json()["findings"][0]["outline"] is None
    assert opened(client.get(f"/v1/checks/{check_id}/evidence")).width > SHOWN_PX["wide"][0]


@pytest.fixture
def unwritable(settings: Settings) -> Iterator[TestClient]:
    """A server whose folder of copies is a file, so that it cannot store copies."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.submissions_dir.write_bytes(b"")
    with TestClient(create_app(settings)) as started:
        yield started


def test_a_check_does_not_fail_for_want_of_evidence(unwritable: TestClient) -> None:
    """When no copy can be stored, the answer is the same without evidence, also on the page."""
    served: Workspace = unwritable.app.state.workspace  # type: ignore[attr-defined]
    make.register(served, seed=1)
    files = {"image": ("a.jpg", make.picture_bytes(1, "JPEG"))}
    answer = unwritable.post("/v1/checks", files=files)
    assert (answer.status_code, answer.json()["verdict"], answer.json()["evidence"]) == (201, "match", None)
    page = unwritable.post("/", files=files)
    assert page.status_code == 200
    assert "/evidence" not in page.text


@pytest.mark.slow
def test_copies_can_be_switched_off(settings: Settings) -> None:
    """With 0 days no copy is stored, and the form says so."""
    with TestClient(create_app(settings.model_copy(update={"evidence_days": 0}))) as client:
        make.register(client.app.state.workspace, seed=1)  # type: ignore[attr-defined]
        assert "Your photo is not kept" in client.get("/").text
        answer = client.post("/v1/checks", files={"image": ("a.jpg", make.picture_bytes(1, "JPEG"))})
        assert (answer.json()["verdict"], answer.json()["evidence"]) == ("match", None)
    assert not settings.submissions_dir.exists()


@pytest.mark.slow
def test_drawing_is_limited_for_the_public(settings: Settings) -> None:
    """Drawing has the limit of a check. A stored drawing costs nothing, and a 404 counts as a read."""
    with TestClient(create_app(settings.model_copy(update={"public_checks_per_minute": 2}))) as client:
        served: Workspace = client.app.state.workspace  # type: ignore[attr-defined]
        row = scenes.finding(scenes.registered(served, "KOI", seed=1), PLACE)
        urls = [f"/v1/checks/{scenes.answered(served, PHOTO, [row])}/evidence" for _ in range(3)]
        assert [client.get(url).status_code for url in urls] == [200, 200, 429]
        assert [client.get(url).status_code for url in urls[:2]] == [200, 200]
        unknown = [client.get("/v1/checks/chk_1/evidence").status_code for _ in range(20)]
        assert set(unknown) == {404, 429}


def test_those_who_wait_for_a_drawing_are_few(
    client: TestClient, workspace: Workspace, design: Design
) -> None:
    """While a picture is drawn, few threads wait for it.

    The next caller must retry, and the API still answers.
    """
    drawings = client.app.state.drawings  # type: ignore[attr-defined]
    url = f"/v1/checks/{scenes.answered(workspace, PHOTO, [scenes.finding(design, PLACE)])}/evidence"
    for _ in range(WAITING):
        drawings._places.acquire()
    refused = client.get(url)
    assert (refused.status_code, refused.json()["code"]) == (503, "server.busy")
    assert "retry-after" in refused.headers
    assert client.get("/livez").status_code == 200
    for _ in range(WAITING):
        drawings._places.release()
    assert client.get(url).status_code == 200


def test_the_answer_counts_the_designs_that_the_photo_shows(client: TestClient, workspace: Workspace) -> None:
    """The heading names one design, and the number of all. What is only similar is not counted."""
    designs = [
        scenes.registered(workspace, f"S-{seed}", seed=seed, title=f"Design {seed}", public_preview=True)
        for seed in (4, 5, 6)
    ]
    two = [scenes.finding(design, PLACE) for design in designs[:2]]
    near = scenes.finding(designs[2], PLACE, "lookalike")
    counted = client.get(f"/checks/{scenes.answered(workspace, PHOTO, [*two, near], source='page')}").text
    assert "In all, the photo shows 2 registered designs." in counted
    single = client.get(f"/checks/{scenes.answered(workspace, PHOTO, [two[0], near], source='page')}").text
    assert "In all" not in single


def test_pictures_without_a_place_stand_side_by_side(client: TestClient, workspace: Workspace) -> None:
    """A finding by hashes has the photo as A and the design as B, and no word about outlines or differences."""
    design = scenes.registered(workspace, "H-1", seed=4, title="Heron", public_preview=True)
    check = scenes.answered(workspace, PHOTO, [scenes.finding(design, None)], source="page")
    html = client.get(f"/checks/{check}").text
    assert "<dt>A</dt><dd>Your photo.</dd>" in html
    assert "<dt>B</dt><dd>The registered design.</dd>" in html
    assert "outlines" not in html
    assert "Differences" not in html
