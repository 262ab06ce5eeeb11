"""A visitor of a brand's desk over TestClient: pages, forms, and forms with files."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import people_made
from starlette.testclient import TestClient

from authcheck.members import appointments, organisations, people
from authcheck.members.tables import WebSession
from authcheck.workspace import Workspace

Files = Sequence[tuple[str, tuple[str, bytes]]]


class Visitor:
    """A person who is signed in."""

    def __init__(self, client: TestClient, workspace: Workspace, token: str) -> None:
        self._client, self._workspace = client, workspace
        self._headers = {"Cookie": f"authcheck_session={token}", "Sec-Fetch-Site": "same-origin"}

    def get(self, path: str, **headers: str) -> Any:
        """Open a page."""
        return self._client.get(path, headers={**self._headers, **headers}, follow_redirects=False)

    def post(self, path: str, files: Files | None = None, **fields: Any) -> Any:
        """Send a form of our page, with files if some are given."""
        return self._client.post(
            path,
            headers=self._headers,
            data={"form_token": "", **fields},
            files=list(files) if files is not None else None,
            follow_redirects=False,
        )

    def send_from(self, site: str, path: str, files: Files | None = None, **fields: Any) -> Any:
        """Send a form as a page of another site would."""
        headers = {**self._headers, "Sec-Fetch-Site": site}
        return self._client.post(path, headers=headers, data=fields, files=files, follow_redirects=False)

    def act_for(self, agent: str, client: str) -> None:
        """Act for a brand by the newest appointment of this person's organisation."""
        with self._workspace.database.writing() as session:
            found = appointments.find_current(
                session,
                agent_id=organisations.get_organisation(session, agent).id,
                client=client,
                now=datetime.now(UTC),
            )
            for row in session.query(WebSession):
                row.appointment_id = found.id


def visitor(
    client: TestClient,
    workspace: Workspace,
    *,
    owner: str = "acme",
    role: str = "rights",
    kind: str = "brand",
) -> Visitor:
    """Sign a person in who has this role in an organisation of this kind."""
    now, email = datetime.now(UTC), f"{role}@{owner}.example"
    people_made.person(workspace.database, email, owner=owner, kinds=(kind,), roles=(role,), now=now)
    entered = people_made.sign_in(workspace.database, workspace.settings, email, now=now)
    return Visitor(client, workspace, str(entered.token))


def take_role(workspace: Workspace, email: str, owner: str, *roles: str) -> None:
    """Give a person other roles, or none."""
    with workspace.database.writing() as session:
        organisation = organisations.get_organisation(session, owner)
        member = people.find_person(session, email)
        people.give_roles(session, organisation, member, list(roles), datetime.now(UTC))  # type: ignore[arg-type]
