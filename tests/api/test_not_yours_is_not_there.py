"""A thing of another organisation is answered like a thing that does not exist: same words, same work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import licences_made
import make
import pytest
import sqlalchemy as sa
import units_made as units
from starlette.testclient import TestClient

from authcheck.errors import NotFound
from authcheck.listings.tables import Listing
from authcheck.members import api_keys, organisations
from authcheck.storefronts import shops
from authcheck.workspace import Workspace

SCOPES = ("certificates:issue", "licences:write", "listings:check", "designs:write")
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
    ("DELETE", "/v1/storefronts/{shop}", None),
    ("POST", "/v1/batches", {**ORDER, "design": "{design}"}),
    ("POST", "/v1/batches", {**ORDER, "design": "{own}", "licence": "{licence}"}),
]


@pytest.fixture
def ids(workspace: Workspace) -> dict[str, str]:
    """Return ids of acme's things by kind, and globex's own design."""
    design = units.brand_with_key(workspace, "acme")
    unit = units.issue(workspace, design, count=1)[0]
    licence = licences_made.licence(workspace, designs=(design,), accepted=False)
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        shop = shops.add(
            session, acme, marketplace="m.example", shop_id="1", url="https://m.example/1", now=make.NOW
        )
        session.add(Listing(**listing(acme.id)))
    return {
        "batch": unit.batch_id, "certificate": unit.id, "design": design, "licence": licence.id,
        "listing": "lst_acme", "shop": shop.id, "own": units.brand_with_key(workspace, "globex"),
    }  # fmt: skip


def listing(organisation_id: str) -> dict[str, Any]:
    """Return the columns of a listing of an organisation."""
    return {
        "id": "lst_acme", "organisation_id": organisation_id, "reference": "R", "seller": "s", "channel": "m.example",
        "territory": "DE", "goods": [], "price": None, "listed_on": make.NOW.date(), "certificate_code": None,
        "handed_in_at": make.NOW, "decided_at": make.NOW, "policy": "p", "verdict": "none", "reasons": [],
        "evidence": {}, "design_id": None, "licence_id": None,
    }  # fmt: skip


@contextmanager
def work_of(workspace: Workspace) -> Iterator[list[tuple[str, int]]]:
    """Collect the statements that are sent, and how many rows each one reads."""
    sent: list[tuple[str, Any]] = []
    work: list[tuple[str, int]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield work
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    with workspace.database.engine.connect() as connection:
        for statement, parameters in sent:
            is_query = statement.lstrip().startswith("SELECT")
            rows = connection.exec_driver_sql(statement, parameters).all() if is_query else []
            work.append((statement, len(rows)))


def filled(part: Any, names: dict[str, str]) -> Any:
    """Return a path or a body with ids for its names."""
    if isinstance(part, str):
        return part.format(**names)
    if isinstance(part, dict):
        return {name: filled(value, names) for name, value in part.items()}
    return [filled(value, names) for value in part] if isinstance(part, list) else part


@pytest.mark.postgresql
@pytest.mark.parametrize(("method", "path", "body"), REQUESTS, ids=lambda value: str(value)[:60])
def test_a_strangers_thing_takes_the_work_of_nothing(
    client: TestClient,
    login: Callable[..., dict[str, str]],
    workspace: Workspace,
    ids: dict[str, str],
    *,
    method: str,
    path: str,
    body: Any,
) -> None:
    """Words, statements and numbers of rows are the same. Only the id that was asked for differs."""
    caller = login(*SCOPES, owner="globex")
    nothing = {
        **{name: text[:-1] + ("0" if text[-1] != "0" else "1") for name, text in ids.items()},
        "own": ids["own"],
    }
    seen = []
    for number, names in enumerate((nothing, ids, nothing)):
        headers = {**caller, "Idempotency-Key": f"k{number}"}
        with work_of(workspace) as work:
            answer = client.request(method, filled(path, names), json=filled(body, names), headers=headers)
        told = answer.text.replace(answer.json()["request_id"], "")
        for name in names:
            told = told.replace(names[name], name)
        seen.append((answer.status_code, told, work))
    first, *others = seen
    assert first[0] in {404, 409}
    assert others[0] == others[1]
    assert others[0][:2] == first[:2]


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
