"""Flow: an operator upgrades a database from before the ledger. Each registered design gets its entries."""

from collections.abc import Iterator
from datetime import timedelta

import make
import pytest
from ledger_made import assert_log_sound
from log_made import DatabaseLog
from sqlalchemy import insert, select

from authcheck.audit.rows import compare_rows
from authcheck.config import Settings
from authcheck.ledger.tables import Entry
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design, Dispute, View
from authcheck.storage.database import Database, make_engine
from authcheck.tlog.entries import read_body, time_text

pytestmark = pytest.mark.postgresql

LATER = make.NOW + timedelta(days=1)


@pytest.fixture
def old(settings: Settings) -> Iterator[Database]:
    """A database at revision 0002 with one owner and three designs, one retired, one disputed with a removed view."""
    database = Database(make_engine(make.empty_database(settings)))
    database.upgrade("0002")
    times = {"retired_at": None, "registered_at": make.NOW, "registered_tick": 1}
    words = {"owner_id": "org_1", "title": "T", "kind": "logo", "public_preview": False, "version": 3}
    owner = {"id": "org_1", "handle": "acme", "name": "Acme", "roles": ["brand"], "created_at": make.NOW}
    with database.writing() as session:
        session.execute(insert(Organisation).values(owner))
        for number, state in enumerate(("registered", "retired", "disputed")):
            state_words = {"state": state, "retired_at": LATER if state == "retired" else None}
            design = {**words, **times, **state_words, "id": f"dsn_{number}", "reference": f"R-{number}"}
            session.execute(insert(Design).values(design))
            for picture in range(25 if state == "registered" else 2):
                gone = state == "retired" or (state == "disputed" and picture == 0)
                session.execute(insert(View).values(view(number, picture, 2 if gone else None)))
        dispute = {
            "id": "dsp_1",
            "design_id": "dsn_2",
            "other_design_id": "dsn_0",
            "score": 0.9125,
            "reasons": [],
        }
        session.execute(insert(Dispute).values(**dispute, noticed_at=make.NOW, noticed_tick=1))
    yield database
    database.dispose()


def view(design: int, picture: int, removed_tick: int | None) -> dict[str, object]:
    """The row of a picture."""
    return {
        "design_id": f"dsn_{design}", "picture_sha256": f"{design}{picture:063}", "picture_format": "PNG", "width_px": 1,
        "height_px": 1, "scheme": "s", "fingerprint": b"", "added_at": make.NOW, "added_tick": 1,
        "removed_tick": removed_tick,
    }  # fmt: skip


def test_what_is_registered_gets_its_entries(old: Database) -> None:
    """The log is sound, agrees with every row, and each entry says when it was written and from when it holds."""
    old.upgrade()
    assert_log_sound(DatabaseLog(old))
    with old.snapshot() as session:
        assert list(compare_rows(session)) == []
        said = [read_body(body) for body in session.scalars(select(Entry.body).order_by(Entry.number))]
    assert [(one["t"], one["id"]) for one in said] == [
        ("org.approve", "org_1"),
        ("design.register", "dsn_0"),
        ("design.view_add", "dsn_0"),
        ("design.register", "dsn_1"),
        ("design.retire", "dsn_1"),
        ("design.register", "dsn_2"),
        ("design.dispute", "dsn_2"),
        ("design.view_remove", "dsn_2"),
    ]
    assert said[0]["since"] == time_text(make.NOW)
    assert said[4]["since"] == time_text(LATER)
    assert said[0]["at"] != said[0]["since"]
