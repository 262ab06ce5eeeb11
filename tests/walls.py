"""The table of walls: every route with a caller, the right that it needs, and its answer about acme's things."""

import json
import re
from dataclasses import dataclass
from typing import Any

import agents_made
import make
import people_made
import things_of_acme
import units_made as units
from starlette.testclient import TestClient

from authcheck.config import Settings
from authcheck.members.permissions import Resource, Right, Role
from authcheck.workspace import Workspace

R, W, D = Right.READ, Right.WRITE, Right.DECIDE
ORDER = {"gtin": units.GTIN, "lot": "L", "product": "P", "count": 1}
TERMS = {"designs": ["{design}"], "starts_on": "2026-01-01"}
AGENT = {"agent": "shadow", "scopes": ["designs:read"], "ends_on": str(agents_made.ENDS)}
OFFER = {"licensee": "acme", "terms": TERMS}
NOTICE = {
    "design": "{design}", "claim": "counterfeit", "good_faith": True, "accuracy": True,
    "rows": [{"listing": "{listing}"}],
}  # fmt: skip
WRONG_MATCH = {"decision": "wrong_match", "reason": "match.backdrop"}
IMAGE, MASK = "image", "mask"  # names of an uploaded picture


@dataclass(frozen=True)
class Rule:
    """The right that a route needs, and the status for a caller who has it. `body` has names of acme's things."""

    resource: Resource | None
    right: Right
    status: int
    body: Any = None
    query: str = ""


def rules(resource: Resource, *rows: tuple[Any, ...]) -> dict[str, Rule]:
    """Return the rules of one resource: method and path, right, status, body, query."""
    return {row[0]: Rule(resource, *row[1:]) for row in rows}


TABLE: dict[str, Rule] = {
    "GET /v1/me": Rule(None, R, 200),
    "GET /v1/today": Rule(None, R, 200),
    **rules(
        Resource.DESIGNS,
        ("POST /v1/designs", W, 415),
        ("GET /v1/designs", R, 200),
        ("GET /v1/designs/{design}", R, 404),
        ("PATCH /v1/designs/{design}", W, 404, {"title": "T"}),
        ("POST /v1/designs/{design}/retire", W, 404, {}),
        ("POST /v1/designs/{design}/views", W, 404, IMAGE),
        ("POST /v1/designs/{design}/rights", W, 415),
        ("DELETE /v1/rights/{right}", W, 404),
        ("DELETE /v1/designs/{design}/views/{picture}", W, 404),
        ("GET /v1/designs/{design}/views/{picture}/picture", R, 404),
        ("PUT /v1/designs/{design}/views/{picture}/mask", W, 404, MASK),
        ("DELETE /v1/designs/{design}/views/{picture}/mask", W, 404),
        ("GET /v1/designs/{design}/views/{picture}/mask", R, 404),
        ("POST /v1/negatives", W, 415),
        ("GET /v1/negatives", R, 200),
        ("DELETE /v1/negatives/{negative}", W, 404),
        ("GET /v1/feedback/proposals", R, 200),
        ("GET /v1/feedback/proposals/{decision}/picture", R, 404),
        ("POST /v1/feedback/proposals/{decision}/answer", W, 404, {"answer": "decline"}),
        ("POST /v1/imports", W, 415),
        ("GET /v1/imports/{import}", R, 404),
        ("GET /v1/imports/{import}/report.csv", R, 404),
        ("GET /v1/drops/{drop}/files", R, 404),
    ),
    **rules(
        Resource.DISPUTES,
        ("GET /v1/disputes", R, 200),
        ("GET /v1/disputes/{dispute}", R, 404),
        ("POST /v1/disputes/{dispute}/statements", W, 415),
        ("POST /v1/disputes/{dispute}/appeal", W, 415),
        ("POST /v1/disputes/{dispute}/acceptance", W, 404),
        ("GET /v1/disputes/{dispute}/statements/{number}/document", R, 404),
        ("POST /v1/disputes/{dispute}/ruling", D, 200, {"ruling": "both", "reason": "r"}),
        ("GET /v1/rights", R, 200),
        ("GET /v1/rights/{right}", R, 404),
        ("GET /v1/rights/{right}/document", R, 404),
        ("POST /v1/rights/{right}/decision", D, 200, {"decision": "accept"}),
    ),
    **rules(
        Resource.REVOCATIONS,
        ("POST /v1/revocations", W, 404, {"batch": "{batch}", "reason": "lost"}),
        ("POST /v1/disputes/{dispute}/revoke-certificates", D, 409),
    ),
    **rules(
        Resource.CERTIFICATES,
        ("POST /v1/batches", W, 404, {**ORDER, "design": "{design}"}),
        ("GET /v1/batches", R, 200),
        ("GET /v1/batches/{batch}", R, 404),
        ("GET /v1/batches/{batch}/units.csv", W, 404),
        ("GET /v1/batches/{batch}/labels.pdf", W, 404),
        ("GET /v1/certificates", R, 200),
        ("GET /v1/products/{gtin}", R, 404),
        ("PUT /v1/products/{gtin}", W, 404, {"text": "x"}),
        ("POST /v1/products/{gtin}/pictures", W, 404, IMAGE),
        ("DELETE /v1/products/{gtin}/pictures/{product_picture}", W, 404),
        ("PUT /v1/contact", W, 200, {}),
        ("GET /v1/signing-keys", R, 200),
        ("POST /v1/signing-keys", W, 422, {"public_key": "x"}),
        ("POST /v1/signing-keys/rotate", W, 422, {"public_key": "x"}),
        ("POST /v1/signing-keys/{signing_key}/revoke", W, 404),
        ("GET /v1/signatures/waiting", W, 409),
        ("POST /v1/signatures", W, 422, {}),
    ),
    **rules(
        Resource.LICENCES,
        ("POST /v1/licences", W, 404, OFFER),
        ("GET /v1/licences", R, 200),
        ("GET /v1/licences/{licence}", R, 404),
        ("POST /v1/licences/{licence}/accept", W, 404),
        ("POST /v1/licences/{licence}/decline", W, 404),
        ("POST /v1/licences/{licence}/amend", W, 404, TERMS),
        ("POST /v1/licences/{licence}/withdraw", W, 404),
        ("POST /v1/licences/{licence}/revoke", W, 404, {"reason": "other"}),
        ("POST /v1/storefronts", W, 422, {}),
        ("GET /v1/storefronts", R, 200),
        ("DELETE /v1/storefronts/{shop}", W, 404),
        ("POST /v1/storefronts/{shop}/proof", W, 404),
    ),
    **rules(
        Resource.LISTINGS,
        ("GET /v1/checks", R, 200),
        ("GET /v1/hits", R, 200, None, "?verdict=all"),
        ("GET /v1/sellers", R, 200, None, "?design={design}&marketplace=m.example&shop=1&territory=DE"),
        ("GET /v1/feedback/precision", R, 200),
        ("GET /v1/feedback/thresholds", R, 200),
        ("POST /v1/listings", W, 415),
        ("POST /v1/storefronts/{shop}/confirmation", W, 422, {}),
        ("GET /v1/listings", R, 200),
        ("GET /v1/listings/{listing}", R, 404),
        ("GET /v1/drops/{drop}/files/{file}/listings", R, 404),
    ),
    **rules(
        Resource.CASES,
        ("GET /v1/cases", R, 200),
        ("GET /v1/cases/{case}", R, 404),
        ("POST /v1/cases/next", D, 204),
        ("POST /v1/cases/{case}/lease", D, 404),
        ("DELETE /v1/cases/{case}/lease", D, 404),
        ("POST /v1/cases/{case}/skips", D, 404, {"reason": "later"}),
        ("POST /v1/cases/{case}/decision", D, 404, WRONG_MATCH),
        ("DELETE /v1/cases/{case}/decision", D, 404),
        ("GET /v1/cases/{case}/alike", R, 404),
        ("POST /v1/cases/{case}/alike/decision", D, 404, {**WRONG_MATCH, "listings": ["{listing}"]}),
        ("POST /v1/bulks/{case}/reversal", D, 404, {"note": "No."}),
        ("POST /v1/cases/{case}/reversal", D, 404, {"note": "No."}),
        ("POST /v1/cases/{case}/escalation", D, 404, {"note": "Hard."}),
        ("POST /v1/cases/{case}/question", D, 404, {"of": "owner", "text": "Yours?"}),
        ("POST /v1/cases/{case}/answer", D, 404, {"text": "Ours."}),
    ),
    **rules(
        Resource.NOTICES,
        ("POST /v1/notices", W, 404, NOTICE),
        ("POST /v1/notices/csv", W, 415),
        ("GET /v1/notices", R, 200),
        ("POST /v1/notices/{notice}/withdrawal", W, 404),
        ("GET /v1/notices/{notice}", R, 404),
    ),
    **rules(
        Resource.SCANS,
        ("GET /v1/scans", R, 200),
        ("GET /v1/scans/csv", R, 200),
        ("GET /v1/scans/figures", R, 200),
        ("GET /v1/alerts", R, 200),
        ("GET /v1/alerts/{alert}", R, 404),
        ("POST /v1/alerts/{alert}/state", W, 404, {"state": "seen"}),
        ("POST /v1/marks", W, 404, {"mark": "sold", "codes": ["{certificate}"]}),
        ("GET /v1/batches/{batch}/expectation", R, 404),
        ("PUT /v1/batches/{batch}/expectation", W, 404, {}),
    ),
    **rules(
        Resource.ORGANISATIONS,
        ("POST /v1/organisations", W, 422, {}),
        ("GET /v1/organisations", R, 200),
        ("GET /v1/organisations/acme", R, 200),
        ("POST /v1/organisations/acme/decision", W, 422, {}),
    ),
    **rules(
        Resource.PEOPLE,
        ("POST /v1/keys", W, 404, {"organisation": "acme", "scopes": ["designs:read"]}),
        ("GET /v1/keys", R, 404, None, "?organisation=acme"),
        ("DELETE /v1/keys/{key}", W, 404),
        ("GET /v1/domains", R, 200),
        ("POST /v1/domains", W, 422, {"domain": "http:"}),
        ("POST /v1/domains/{domain}/look", W, 404),
        ("DELETE /v1/domains/{domain}", W, 404),
        ("GET /v1/people", R, 404, None, "?organisation=acme"),
        ("PUT /v1/people/{person}/roles", W, 404, {"roles": ["admin"]}),
        ("DELETE /v1/people/{person}", W, 404),
        ("POST /v1/invitations", W, 404, {"email": "a@b.example", "roles": ["admin"], "organisation": "acme"}),
        ("GET /v1/invitations", R, 404, None, "?organisation=acme"),
        ("DELETE /v1/invitations/{invitation}", W, 404),
        ("POST /v1/appointments", W, 404, {**AGENT, "designs": ["{design}"]}),
        ("GET /v1/appointments", R, 404, None, "?organisation=acme"),
        ("GET /v1/appointments/{appointment}", R, 404),
        ("DELETE /v1/appointments/{appointment}", W, 404),
    ),
}  # fmt: skip
OPERATORS: dict[str, int] = {  # what the operator may do with things of every organisation
    "GET /v1/rights/{right}": 200,
    "GET /v1/rights/{right}/document": 200,
    "POST /v1/keys": 201,
    "GET /v1/keys": 200,
    "DELETE /v1/keys/{key}": 200,
    "GET /v1/people": 200,
    "POST /v1/invitations": 201,
    "GET /v1/invitations": 200,
    "GET /v1/disputes/{dispute}": 200,
    "GET /v1/disputes/{dispute}/statements/{number}/document": 200,
    "POST /v1/appointments": 403,
    "POST /v1/domains": 403,
    "POST /v1/domains/{domain}/look": 403,
    "DELETE /v1/domains/{domain}": 403,
    "GET /v1/appointments": 200,
    "GET /v1/appointments/{appointment}": 200,
    "DELETE /v1/appointments/{appointment}": 200,
}
OWN_ONLY = {
    "GET /v1/domains",
    "POST /v1/appointments",
    "POST /v1/domains",
    "POST /v1/domains/{domain}/look",
    "DELETE /v1/domains/{domain}",
}  # the right to all organisations does not give it
HOMES = {  # the organisation and its kind, where somebody has the role
    Role.LICENSEE: ("tees", "licensee"),
    Role.AGENT: ("guard", "agent"),
    Role.MODERATOR: ("market", "marketplace"),
    Role.OPERATOR: ("operators", "operator"),
}


class Walls:
    """An installation with acme's things, and people of other organisations."""

    def __init__(self, client: TestClient, workspace: Workspace, settings: Settings) -> None:
        self.client, self.workspace, self.settings = client, workspace, settings
        self.ids = things_of_acme.ids(workspace)
        self.globex = units.brand_with_key(workspace, "globex")

    def cookie_of(self, role: Role | None) -> dict[str, str]:
        """Return the headers of a page's request by a person with the role in the role's organisation."""
        if role is None:
            return {}
        owner, kind = HOMES.get(role, ("globex", "brand"))
        email = f"{role}@{owner}.example"
        people_made.person(self.workspace.database, email, owner=owner, kinds=(kind,), roles=(role,))
        now = make.datetime.now(make.UTC)
        entered = people_made.sign_in(self.workspace.database, self.settings, email, now=now)
        return {"Cookie": f"authcheck_session={entered.token}", "Sec-Fetch-Site": "same-origin"}

    def ask(
        self, route: str, rule: Rule, headers: dict[str, str], ids: dict[str, str], number: object
    ) -> Any:
        """Send one request about these things."""
        method, path = route.split(" ")
        sent: dict[str, Any] = {"headers": {**headers, "If-Match": "*", "Idempotency-Key": f"k{number}"}}
        if isinstance(rule.body, str):
            sent["files"] = {rule.body: ("a.png", make.picture_bytes(5))}
        elif rule.body is not None:
            sent["json"] = json.loads(re.sub(r"\{(\w+)\}", lambda name: ids[name[1]], json.dumps(rule.body)))
        return self.client.request(method, (path + rule.query).format(**ids), **sent)


def told(answer: Any, ids: dict[str, str]) -> str:
    """Return the words of an answer without the ids that were sent."""
    text = answer.text.replace(answer.json()["request_id"], "")
    for name, one in ids.items():
        text = re.sub(rf"\b{one}\b", name, text)
    return text
