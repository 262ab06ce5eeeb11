"""Flow: both owners of a dispute speak, the operator rules, and the one who loses appeals once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import make
import people_made
import pytest
import sqlalchemy as sa

from authcheck.audit.rows import compare_rows
from authcheck.errors import AuthcheckError
from authcheck.files.documents import Document
from authcheck.ledger.tables import Entry
from authcheck.members.notification_tables import Notification
from authcheck.registry import designs, disputes, rulings, statements
from authcheck.registry.statements import APPEAL_TIME, MOST_STATEMENTS, Stage, stage_of
from authcheck.registry.tables import Dispute, DisputeRuling, DisputeStatement
from authcheck.tlog.entries import read_body
from authcheck.workspace import Workspace

NOW = make.NOW
DAY = timedelta(days=1)
LATE = APPEAL_TIME + timedelta(seconds=1)
pytestmark = pytest.mark.postgresql


@pytest.fixture
def dispute(workspace: Workspace) -> Dispute:
    """Return the dispute of globex's copy with acme's design. Each has an admin, and there is an operator."""
    for email, words in (
        ("jana@acme.example", {}),
        ("gus@globex.example", {"owner": "globex"}),
        ("olga@op.example", {"owner": "office", "kinds": ("operator",), "roles": ("operator",)}),
    ):
        people_made.person(workspace.database, email, **{"owner": "acme", "now": NOW, **words})
    make.register(workspace, "FIRST", owner="acme")
    make.register(workspace, "COPY", owner="globex", pictures=[make.picture_bytes(0, "JPEG", quality=60)])
    with workspace.database.writing() as session:
        session.execute(sa.delete(Notification))
        return disputes.list_disputes(session)[0]


@pytest.fixture
def act(workspace: Workspace, dispute: Dispute) -> Callable[..., str]:
    """Return a function that acts for an owner or the operator, and returns the stage or the error's code."""

    def run(who: str, what: str, *words: Any, at: timedelta = timedelta(0), **more: Any) -> str:
        owner_id = {"acme": dispute.other.owner_id, "globex": dispute.design.owner_id}.get(who, "")
        try:
            with workspace.database.writing() as session:
                if what == "rule":
                    more = {"reason": "We compared both.", **more}
                    row = rulings.rule(session, dispute.id, *words, now=NOW + at, **more)
                elif what == "accept":
                    row = rulings.accept(session, dispute.id, owner_id, NOW + at)
                else:
                    say = {"state": statements.state, "appeal": statements.appeal}[what]
                    row = say(session, dispute.id, owner_id, *words, by="key_1", now=NOW + at)
                return str(stage_of(row))
        except AuthcheckError as error:
            return error.code

    return run


def again(workspace: Workspace) -> Dispute:
    """Return the only dispute as it is now."""
    with workspace.database.reading() as session:
        assert list(compare_rows(session)) == []
        (row,) = disputes.list_disputes(session, ended=True)
    return row


def states(workspace: Workspace) -> tuple[str, str]:
    """Return the states of the first design and of the copy."""
    with workspace.database.reading() as session:
        return (
            designs.find_design(session, "acme", "FIRST").state,
            designs.find_design(session, "globex", "COPY").state,
        )


def told(workspace: Workspace) -> list[tuple[str, str]]:
    """Return who is told what by mail since the last call."""
    with workspace.database.writing() as session:
        rows = session.scalars(sa.select(Notification).options(sa.orm.joinedload(Notification.person))).all()
        found = sorted((row.kind, row.person.email.partition("@")[0]) for row in rows)
        session.execute(sa.delete(Notification))
    return found


def settle(workspace: Workspace, at: timedelta) -> int:
    """Let time pass."""
    with workspace.database.writing() as session:
        return rulings.settle(session, NOW + at)


def test_both_sides_speak_before_the_ruling(
    workspace: Workspace, dispute: Dispute, act: Callable[..., str]
) -> None:
    """Each statement reaches the other owner and the operator, with its document."""
    paper = Document(b"%PDF-1.7", "application/pdf")
    assert act("globex", "state", " Our designer drew it.\r\n\r\nIn 2019.\u202e", paper) == "open"
    assert told(workspace) == [("dispute_stated", "jana"), ("dispute_stated", "olga")]
    assert act("acme", "state", "It is our print, turned.", None) == "open"
    assert told(workspace) == [("dispute_stated", "gus"), ("dispute_stated", "olga")]
    rows = again(workspace).statements
    assert [(row.number, row.side, row.is_appeal) for row in rows] == [
        (1, "later", False),
        (2, "earlier", False),
    ]
    assert rows[0].text == "Our designer drew it.\n\nIn 2019."
    assert (rows[0].document_sha256, rows[1].document_sha256) == (paper.sha256, "")


def test_a_ruling_waits_for_an_appeal(
    workspace: Workspace, dispute: Dispute, act: Callable[..., str]
) -> None:
    """For fourteen days nothing is withdrawn. Then the ruling takes effect by itself, once."""
    assert act("operator", "rule", "earlier") == "ruled"
    assert told(workspace) == [("dispute_ruled", "gus"), ("dispute_ruled", "jana")]
    assert states(workspace) == ("registered", "disputed")
    assert act("operator", "rule", "later") == "dispute.ruled"
    assert act("globex", "state", "Wait.", None) == "dispute.ruled"
    assert settle(workspace, APPEAL_TIME) == 0
    assert settle(workspace, LATE) == 1
    assert settle(workspace, LATE) == 0
    assert states(workspace) == ("registered", "retired")
    row = again(workspace)
    assert (row.ended_by, row.reason) == ("earlier", "We compared both.")
    assert told(workspace) == [("dispute_ended", "gus"), ("dispute_ended", "jana")]
    assert act("globex", "appeal", "Too late.", None, at=LATE) == "dispute.ended"


def test_the_loser_appeals_once(workspace: Workspace, dispute: Dispute, act: Callable[..., str]) -> None:
    """The second ruling takes effect at once, also when it differs. The ledger has all of it, in order."""
    act("operator", "rule", "earlier", reason="A secret reason.")
    assert act("acme", "appeal", "We want more.", None) == "dispute.no_appeal"
    assert act("globex", "appeal", "Here is our sketch.", None, at=13 * DAY) == "appealed"
    assert act("globex", "appeal", "And another.", None, at=13 * DAY) == "dispute.no_appeal"
    assert act("acme", "state", "The sketch is younger.", None, at=13 * DAY) == "appealed"
    assert settle(workspace, 40 * DAY) == 0
    assert states(workspace) == ("registered", "disputed")
    told(workspace)
    assert act("operator", "rule", "later", at=40 * DAY) == "ended"
    assert states(workspace) == ("retired", "registered")
    assert told(workspace) == [("dispute_ended", "gus"), ("dispute_ended", "jana")]
    row = again(workspace)
    assert [(one.ruling, one.is_final, one.heard) for one in row.rulings] == [
        ("earlier", False, 0),
        ("later", True, 2),
    ]
    with workspace.database.reading() as session:
        bodies = list(session.scalars(sa.select(Entry.body).order_by(Entry.number)))
    found = [read_body(body) for body in bodies]
    about = [(one["t"], one["by"]) for one in found if one["t"].startswith("design.dispute_")]
    assert about == [
        ("design.dispute_ruling", "earlier"),
        ("design.dispute_appeal", "later"),
        ("design.dispute_ruling", "later"),
        ("design.dispute_end", "later"),
    ]
    assert not any(b"secret" in body or b"sketch" in body for body in bodies)


@pytest.mark.parametrize(
    ("ruling", "winner", "loser"), [("earlier", "acme", "globex"), ("later", "globex", "acme")]
)
def test_the_loser_may_accept(  # noqa: PLR0917
    workspace: Workspace, dispute: Dispute, act: Callable[..., str], ruling: str, winner: str, loser: str
) -> None:
    """Only who has lost ends the wait, and only after a ruling."""
    assert act(loser, "accept") == "dispute.no_loser"
    act("operator", "rule", ruling)
    assert act(winner, "accept") == "dispute.no_loser"
    assert act(loser, "accept") == "ended"
    assert act(loser, "accept") == "dispute.no_loser"
    assert again(workspace).ended_by == ruling


def test_both_may_appeal_when_both_stand(
    workspace: Workspace, dispute: Dispute, act: Callable[..., str]
) -> None:
    """Nobody can accept such a ruling, either side can appeal, and nothing else comes of it."""
    act("operator", "rule", "both")
    assert act("acme", "accept") == act("globex", "accept") == "dispute.no_loser"
    assert act("acme", "appeal", "It is ours alone.", None) == "appealed"
    assert act("globex", "appeal", "Ours too.", None) == "dispute.no_appeal"
    assert act("operator", "rule", "both") == "ended"
    assert states(workspace) == ("registered", "registered")


def test_an_appeal_after_fourteen_days_is_too_late(
    workspace: Workspace, dispute: Dispute, act: Callable[..., str]
) -> None:
    """Also when no server has let the ruling take effect yet."""
    act("operator", "rule", "earlier")
    assert act("globex", "appeal", "Late.", None, at=LATE) == "dispute.no_appeal"
    assert stage_of(again(workspace)) is Stage.RULED


def test_another_operator_decides_about_the_appeal(
    workspace: Workspace, dispute: Dispute, act: Callable[..., str]
) -> None:
    """Whoever made the first ruling does not make the second, unless nobody else could."""
    olga, otto = "per_olga", "per_otto"
    act("operator", "rule", "earlier", by=olga)
    act("globex", "appeal", "No.", None)
    words = {"owner": "office", "kinds": ("operator",), "roles": ("operator",), "now": NOW}
    people_made.person(workspace.database, "otto@op.example", **words)
    assert act("operator", "rule", "earlier", by=olga) == "dispute.same_person"
    assert act("operator", "rule", "earlier", by=otto) == "ended"


def test_the_only_operator_decides_twice(dispute: Dispute, act: Callable[..., str]) -> None:
    """An installation with one operator is not stuck."""
    assert dispute.ended_by is None
    act("operator", "rule", "earlier", by="per_olga")
    act("globex", "appeal", "No.", None)
    assert act("operator", "rule", "earlier", by="per_olga") == "ended"


@pytest.mark.parametrize("text", ["", " \n\u200b ", "x" * 4001, "\x00"])
def test_a_statement_says_something(dispute: Dispute, act: Callable[..., str], text: str) -> None:
    """No text, only unseen characters, or too much of it."""
    assert act("acme", "state", text, None) == "dispute.statement"
    assert act("acme", "appeal", text, None) == "dispute.statement"
    assert dispute.ended_by is None


def test_nobody_is_buried_under_statements(dispute: Dispute, act: Callable[..., str]) -> None:
    """Five of each side before a ruling, and five after an appeal."""
    assert dispute.ended_by is None
    told_by = [act("acme", "state", f"{number}", None) for number in range(MOST_STATEMENTS + 1)]
    assert told_by == ["open"] * MOST_STATEMENTS + ["dispute.too_many"]
    assert act("globex", "state", "Ours.", None) == "open"
    act("operator", "rule", "later")
    assert act("acme", "appeal", "No.", None) == "appealed"
    told_by = [act("acme", "state", f"{number}", None) for number in range(MOST_STATEMENTS + 1)]
    assert told_by == ["appealed"] * MOST_STATEMENTS + ["dispute.too_many"]


def test_a_taken_back_picture_ends_all(
    workspace: Workspace, dispute: Dispute, act: Callable[..., str]
) -> None:
    """An owner who takes the picture back while a ruling waits ends the dispute."""
    act("operator", "rule", "later")
    with workspace.database.writing() as session:
        designs.retire(session, designs.get_design(session, dispute.design_id), NOW)
    assert again(workspace).ended_by == "withdrawn"
    assert settle(workspace, LATE) == 0
    assert act("acme", "appeal", "No.", None) == "dispute.ended"


@pytest.mark.parametrize(
    "change",
    [
        sa.update(DisputeRuling).values(ruling="later"),
        sa.update(DisputeRuling).values(reason="We were paid."),
        sa.update(DisputeStatement).values(text="We copied it."),
        sa.update(DisputeStatement).values(side="earlier"),
        sa.delete(DisputeRuling),
        sa.delete(DisputeStatement),
    ],
)
def test_what_was_said_cannot_be_rewritten(
    workspace: Workspace, dispute: Dispute, act: Callable[..., str], change: Any
) -> None:
    """The audit finds a ruling, its reason or an appeal that was changed in the database."""
    act("operator", "rule", "earlier")
    act("globex", "appeal", "We drew it.", None)
    again(workspace)
    with workspace.database.writing() as session:
        session.execute(change)
    with workspace.database.reading() as session:
        (found,) = compare_rows(session)
    assert "disputes" in found.problem
