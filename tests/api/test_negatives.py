"""Negative pictures over HTTP, for their owner."""

from collections.abc import Callable
from typing import Any

import make
import pytest
from starlette.testclient import TestClient

from authcheck.registry import negatives

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]
NewDesign = Callable[..., dict[str, Any]]


def _post(client: TestClient, headers: Headers, seed: int = 7, **words: str) -> Any:
    return client.post(
        "/v1/negatives", headers=headers, data=words, files={"image": ("floor.png", make.picture_bytes(seed))}
    )


def test_a_negative_is_added_listed_and_removed(client: TestClient, brand: Headers) -> None:
    """A new negative gets 201 with its number. The same picture gets the same number. A removal gets 204."""
    answer = _post(client, brand, label="studio floor")
    assert (answer.status_code, answer.json()["label"]) == (201, "studio floor")
    assert _post(client, brand).json() == answer.json()
    listed = client.get("/v1/negatives", headers=brand).json()
    assert listed == {"items": [answer.json()], "next": None}
    url = f"/v1/negatives/{answer.json()['number']}"
    assert client.delete(url, headers=brand).status_code == 204
    gone = client.delete(url, headers=brand)
    assert (gone.status_code, gone.json()["code"]) == (404, "negative.not_found")


def test_the_label_is_the_file_name_unless_given(client: TestClient, brand: Headers) -> None:
    """The label is the file name by default."""
    assert _post(client, brand).json()["label"] == "floor.png"


def test_owners_do_not_see_each_other(client: TestClient, brand: Headers, rival: Headers) -> None:
    """An owner sees another owner's negatives neither in the list nor by number."""
    mine = _post(client, brand).json()
    assert client.get("/v1/negatives", headers=rival).json()["items"] == []
    assert client.delete(f"/v1/negatives/{mine['number']}", headers=rival).status_code == 404
    assert client.get("/v1/negatives", headers=brand).json()["items"] == [mine]


def test_an_own_design_is_no_negative(
    client: TestClient, brand: Headers, rival: Headers, new_design: NewDesign
) -> None:
    """The owner gets 409. Another owner may add the picture, and so cannot learn whether it is registered."""
    new_design(seed=7)
    refused = _post(client, brand)
    assert (refused.status_code, refused.json()["code"]) == (409, "negative.registered")
    assert _post(client, rival).status_code == 201


def test_negatives_need_the_right_key(client: TestClient, checker: Headers) -> None:
    """A key that may register designs may manage negatives. No other key may."""
    for headers, status in ((checker, 403), ({}, 401)):
        assert _post(client, headers).status_code == status
        assert client.get("/v1/negatives", headers=headers).status_code == status
        assert client.delete("/v1/negatives/1", headers=headers).status_code == status


def test_what_cannot_be_used_is_refused(
    client: TestClient, brand: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pictures, no picture, a bad label, a number out of range and an excess negative each get a code."""
    two = [("image", ("a.png", make.picture_bytes(1))), ("image", ("b.png", make.picture_bytes(2)))]
    answers = [
        (client.post("/v1/negatives", headers=brand, files=two), 422, "request.two_images"),
        (
            client.post("/v1/negatives", headers=brand, files={"image": ("a.png", b"no")}),
            422,
            "image.unreadable",
        ),
        (_post(client, brand, label="x" * 201), 422, "negative.label"),
        (_post(client, brand, owner="globex"), 422, "request.unknown_field"),
        (client.delete(f"/v1/negatives/{2**70}", headers=brand), 422, "request.invalid"),
    ]
    monkeypatch.setattr(negatives, "MOST_NEGATIVES", 0)
    answers.append((_post(client, brand), 409, "negative.too_many"))
    assert [(one.status_code, one.json()["code"]) for one, _, _ in answers] == [
        (status, code) for _, status, code in answers
    ]
