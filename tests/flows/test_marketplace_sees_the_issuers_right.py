"""Flow: a certificate counts if its issuer had the right when the ledger recorded it, whatever happened later."""

from datetime import timedelta

import certificates_made as made
import licensees_made as licensees
import pytest
import sqlalchemy as sa
from licensees_made import Licensee
from make import NOW

from authcheck.certificates.tables import Batch, Certificate
from authcheck.licences.tables import Licence
from authcheck.lookups.issue_rights import had_right_at_issue
from authcheck.lookups.units import find
from authcheck.members import organisations
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def licence(acme: made.Brand, printers: Licensee) -> Licence:
    """The licensee's licence, which allows sublicences."""
    return licensees.licence(acme.work, "acme", "printers", designs=(acme.design.id,), sublicensing=True)


def rights(issuer: made.Brand) -> set[bool | None]:
    """The rights of all certificates of this issuer."""
    with issuer.work.database.reading() as session:
        mine = organisations.get_organisation(session, issuer.handle).id
        ids = session.scalars(sa.select(Certificate.id).where(Certificate.organisation_id == mine)).all()
        return {had_right_at_issue(session, find(session.connection(), known)) for known in ids}


def test_an_owner_needs_no_licence(acme: made.Brand) -> None:
    """A brand has the right to issue for its own design."""
    acme.issue("own")
    assert rights(acme) == {True}


def test_what_was_right_stays_right(acme: made.Brand, printers: Licensee, licence: Licence) -> None:
    """Certificates from before an amendment or a revocation keep their right."""
    printers.issue("before")
    licensees.amend(acme.work, "acme", "printers", licence.id, designs=(acme.design.id,), cap=100, now=LATER)
    printers.issue("after")
    assert rights(printers) == {True}
    licensees.revoke(acme.work, "acme", licence.id, LATER)
    assert rights(printers) == {True}


@pytest.mark.slow
def test_a_sublicence_outlives_an_amendment_above(
    workspace: Workspace, acme: made.Brand, printers: Licensee, licence: Licence
) -> None:
    """A sublicence stays valid when its parent licence continues in a new version."""
    shirts = licensees.licensee(workspace, acme.design, "shirts")
    licensees.licence(workspace, "printers", "shirts", parent_id=licence.id, designs=(acme.design.id,))
    words = {"designs": (acme.design.id,), "sublicensing": True, "cap": 1000}
    licensees.amend(workspace, "acme", "printers", licence.id, now=LATER, **words)
    shirts.issue("under")
    assert rights(shirts) == {True}


def test_attack_batch_moved_under_a_licence(acme: made.Brand, printers: Licensee, licence: Licence) -> None:
    """A batch moved in SQL under a later, a revoked or another licensee's licence has no right."""
    printers.issue("early")
    others = licensees.licensee(acme.work, acme.design, "others")
    theirs = licensees.licence(acme.work, "acme", "others", designs=(acme.design.id,))
    later = licensees.licence(acme.work, "acme", "printers", designs=(acme.design.id,), now=LATER)
    assert others.handle == "others"
    for licence_id in (theirs.id, later.id, None):
        with acme.work.database.writing() as session:
            session.execute(sa.update(Batch).values(licence_id=licence_id))
        assert rights(printers) == {False}
