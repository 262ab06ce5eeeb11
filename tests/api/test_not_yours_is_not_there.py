"""A thing of another organisation is answered like a thing that does not exist: same words, same work."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import make
import pytest
import things_of_acme
import units_made as units
from database_work import work_of
from starlette.testclient import TestClient

from authcheck.errors import NotFound
from authcheck.members import api_keys, organisations
from authcheck.workspace import Workspace

SCOPES = (
    "disputes:write",
    "certificates:issue",
    "licences:write",
    "listings:check",
    "designs:write",
    "people:write",
    "cases:decide",
    "notices:write",
)
ORDER = {"gtin": units.GTIN, "lot": "L", "product": "P", "count": 1}
REQUESTS = [
    ("GET", "/v1/batches/{batch}", None),
    ("GET", "/v1/batches/{batch}/units.csv", None),
    ("GET", "/v1/batches/{batch}/labels.pdf", None),
    ("POST", "/v1/revocations", {"batch": "{batch}", "reason": "lost"}),
    ("POST", "/v1/revocations", {"certificates": ["{certificate}"], "reason": "lost"}),
    ("GET", "/v1/licences/{licence}", None),
    ("POST", "/v1/licences/{licence}/accept", None),
    ("POST", "/v1/licences/{licence}/decline", None),
    ("POST", "/v1/licences/{licence}/revoke", {"reason": "other"}),
    ("GET", "/v1/listings/{listing}", None),
    ("GET", "/v1/cases/{case}", None),
    ("POST", "/v1/cases/{case}/lease", None),
    ("DELETE", "/v1/cases/{case}/lease", None),
    ("POST", "/v1/cases/{case}/skips", {"reason": "later"}),
    ("POST", "/v1/cases/{case}/decision", {"decision": "wrong_match", "reason": "match.backdrop"}),
    ("DELETE", "/v1/cases/{case}/decision", None),
    ("GET", "/v1/cases/{case}/alike", None),
    (
        "POST",
        "/v1/cases/{case}/alike/decision",
        {"decision": "wrong_match", "reason": "match.backdrop", "listings": ["{listing}"]},
    ),
    ("POST", "/v1/cases/{case}/reversal", {"note": "No."}),
    ("POST", "/v1/cases/{case}/escalation", {"note": "Hard."}),
    ("POST", "/v1/cases/{case}/question", {"of": "owner", "text": "Yours?"}),
    ("POST", "/v1/cases/{case}/answer", {"text": "Ours."}),
    ("GET", "/v1/notices/{notice}", None),
    ("POST", "/v1/notices/{notice}/withdrawal", None),
    (
        "POST",
        "/v1/notices",
        {
            "design": "{design}",
            "claim": "counterfeit",
            "good_faith": True,
            "accuracy": True,
            "rows": [{"listing": "{listing}"}],
        },
    ),
    ("GET", "/v1/disputes/{dispute}", None),
    ("GET", "/v1/disputes/{dispute}/statements/1/document", None),
    ("POST", "/v1/disputes/{dispute}/acceptance", None),
    ("POST", "/v1/signing-keys/{signing_key}/revoke", None),
    ("DELETE", "/v1/keys/{key}", None),
    ("PUT", "/v1/people/{person}/roles", {"roles": ["analyst"]}),
    ("DELETE", "/v1/people/{person}", None),
    ("DELETE", "/v1/invitations/{invitation}", None),
    ("POST", "/v1/domains/{domain}/look", None),
    ("DELETE", "/v1/domains/{domain}", None),
    ("GET", "/v1/appointments/{appointment}", None),
    ("DELETE", "/v1/appointments/{appointment}", None),
    ("DELETE", "/v1/storefronts/{shop}", None),
    ("GET", "/v1/checks/{check}", None),
    ("GET", "/v1/checks/{check}/evidence", None),
    ("GET", "/v1/designs/{design}", None),
    ("GET", "/v1/designs/{hidden}/preview", None),
    ("PATCH", "/v1/designs/{design}", {"title": "T"}),
    ("POST", "/v1/designs/{design}/retire", {}),
    ("GET", "/v1/designs/{design}/views/{picture}/picture", None),
    ("DELETE", "/v1/designs/{design}/views/{picture}", None),
    ("GET", "/v1/designs/{design}/views/{picture}/mask", None),
    ("DELETE", "/v1/designs/{design}/views/{picture}/mask", None),
    ("DELETE", "/v1/negatives/{negative}", None),
    ("GET", "/v1/feedback/proposals/{decision}/picture", None),
    ("POST", "/v1/feedback/proposals/{decision}/answer", {"answer": "decline"}),
    ("POST", "/v1/feedback/proposals/{decision}/answer", {"answer": "add"}),
    ("GET", "/v1/imports/{import}", None),
    ("GET", "/v1/imports/{import}/report.csv", None),
    ("GET", "/v1/drops/{drop}/files", None),
    ("GET", "/v1/drops/{drop}/files/{file}/listings", None),
    ("POST", "/v1/batches", {**ORDER, "design": "{design}"}),
    ("POST", "/v1/batches", {**ORDER, "design": "{own}", "licence": "{licence}"}),
]


@pytest.fixture
def ids(workspace: Workspace) -> dict[str, str]:
    """Return ids of acme's things by kind, and globex's own design."""
    return {**things_of_acme.ids(workspace), "own": units.brand_with_key(workspace, "globex")}


def filled(part: Any, names: dict[str, str]) -> Any:
    """Return a path or a body with ids for its names."""
    if isinstance(part, str):
        return part.format(**names)
    if isinstance(part, dict):
        return {name: filled(value, names) for name, value in part.items()}
    return [filled(value, names) for value in part] if isinstance(part, list) else part


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_strangers_thing_takes_the_work_of_nothing(
    client: TestClient, login: Callable[..., dict[str, str]], workspace: Workspace, ids: dict[str, str]
) -> None:
    """Words, statements and numbers of rows are the same. Only the id that was asked for differs."""
    caller, numbers = login(*SCOPES, owner="globex"), itertools.count()
    nothing = {
        **{name: text[:-1] + ("9" if text[-1] != "9" else "8") for name, text in ids.items()},
        "own": ids["own"],
    }
    client.get("/v1/me", headers=caller)  # notes the use of the key
    for method, path, body in REQUESTS:
        seen = []
        for names in (nothing, ids, nothing):
            headers = {**caller, "Idempotency-Key": f"k{next(numbers)}"}
            with work_of(workspace) as work:
                answer = client.request(
                    method, filled(path, names), json=filled(body, names), headers=headers
                )
            told = answer.text.replace(answer.json()["request_id"], "")
            for name in names:
                told = re.sub(rf"\b{names[name]}\b", name, told)
            seen.append((answer.status_code, told, work))
        first, *others = seen
        assert first[0] in {404, 409}, (method, path)
        assert others[0] == others[1], (method, path)
        assert others[0][:2] == first[:2], (method, path)


def test_a_strangers_key_takes_the_work_of_no_key(workspace: Workspace) -> None:
    """An organisation that revokes another organisation's key reads no row of it."""
    make.key(workspace, "designs:write")
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        other = organisations.ensure_brand(session, "globex", make.NOW)
        (key,) = api_keys.list_keys(session, acme.id)
    seen = []
    for key_id in (key.id, key.id[:-1] + ("0" if key.id[-1] != "0" else "1")):
        with (
            work_of(workspace) as work,
            workspace.database.writing() as session,
            pytest.raises(NotFound) as refused,
        ):
            api_keys.revoke_key(session, key_id, organisation_id=other.id, now=make.NOW)
        seen.append((str(refused.value), work))
    assert seen[0] == seen[1]
