"""Flow: an attacker with the database's password rewrites history. The audit names what was changed."""

import hashlib
from datetime import timedelta

import agents_made
import make
import pytest
import rfc8785
import sqlalchemy as sa
import units_made
from ledger_attacks import attack, back_up, findings, forge, restore, rewrite, sign
from ledger_made import key_of

from authcheck.errors import NotTrue, Unavailable
from authcheck.ledger import journal
from authcheck.ledger.journal import record
from authcheck.ledger.tables import Entry, SignedCheckpoint, Tile
from authcheck.members import organisations
from authcheck.tlog.entries import Draft, body, read_body, time_text, tx_id
from authcheck.tlog.note import Checkpoint, Signer, signed_note
from authcheck.tlog.tiles import grow
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

NOW = make.NOW
ANOTHER = "0" * 64
EDITS = {
    "organisations": [
        "UPDATE organisations SET name = 'Mallory' WHERE handle = 'globex'",
        "UPDATE organisations SET handle = 'mallory' WHERE handle = 'globex'",
        "UPDATE organisations SET state = 'applied' WHERE handle = 'globex'",
        "UPDATE organisations SET approved_at = '2020-01-01 00:00:00+00:00'",
    ],
    "appointments": [
        "UPDATE appointments SET scopes = '[\"designs:write\"]'",
        "UPDATE appointments SET designs = '[]'",
        "UPDATE appointments SET territories = '[]'",
        "UPDATE appointments SET ends_on = '2031-01-01'",
        "UPDATE appointments SET agent_id = client_id",
        "UPDATE appointments SET client_id = agent_id",
        "UPDATE appointments SET salt = 'another'",
        "UPDATE appointments SET created_at = '2020-01-01 00:00:00+00:00'",
        "UPDATE appointments SET ended_at = NULL",
        "UPDATE appointments SET ended_at = '2026-11-30 00:00:00+00:00' WHERE ended_at IS NULL",
        "DELETE FROM appointments WHERE ended_at IS NULL",
        (
            "INSERT INTO appointments SELECT 'apt_forged', client_id, agent_id, scopes, designs, territories,"
            " ends_on, created_at, NULL, salt FROM appointments WHERE ended_at IS NULL"
        ),
    ],
    "designs": [
        "UPDATE designs SET title = 'Stolen' WHERE reference = 'MINE'",
        "UPDATE designs SET owner_id = (SELECT id FROM organisations WHERE handle = 'globex')",
        "UPDATE designs SET state = 'registered'",
        "UPDATE designs SET registered_at = '2020-01-01 00:00:00+00:00'",
        "UPDATE views SET removed_tick = 1",
        "UPDATE views SET picture_sha256 = 'another'",
        "DELETE FROM disputes",
        "UPDATE disputes SET score = 0.5",
    ],
    "signing_keys": [
        "UPDATE signing_keys SET public_key = (SELECT hashes FROM tiles)",
        "UPDATE signing_keys SET kid = 'did:web:mallory#key-1'",
        "UPDATE signing_keys SET revoked_at_entry = 3",
    ],
    "certificates": [
        "UPDATE certificates SET state = 'active', revoked_at = NULL, revoked_entry_number = NULL",
        "UPDATE certificates SET serial = 'X' WHERE number_in_batch = 2",
        "UPDATE certificates SET lot = 'X' WHERE number_in_batch = 2",
        "UPDATE certificates SET jws = 'a.b.c' WHERE number_in_batch = 2",
        "UPDATE certificates SET jws_sha256 = 'another' WHERE number_in_batch = 2",
        "UPDATE certificates SET revocation_reason = 'lost' WHERE number_in_batch = 1",
        "DELETE FROM certificates WHERE number_in_batch = 2",
    ],
    "status_lists": [
        "UPDATE status_lists SET jws = (SELECT min(jws) FROM status_lists)",
        "UPDATE status_lists SET number = 1",
        "DELETE FROM status_lists",
    ],
}


@pytest.fixture
def ledger(workspace: Workspace) -> Workspace:
    """A signed ledger of two owners, a dispute, a key, certificates, a current and an ended appointment."""
    design_id = units_made.brand_with_key(workspace)
    make.register(workspace, "MINE", owner="globex", seed=len("acme"))
    units = units_made.issue(workspace, design_id, count=3)
    units_made.revoke(workspace, units[0])
    agents_made.appoint(workspace, designs=[design_id], territories=["FR"])
    ended = agents_made.appoint(workspace, agent="helper", territories=["IT"])
    agents_made.end(workspace, ended.id, ended.client_id)
    sign(workspace)
    assert findings(workspace) == []
    return workspace


def grow_by(workspace: Workspace, *numbers: int) -> None:
    """Append entries."""
    with workspace.database.writing() as session:
        record(session, [Draft("cert.flag", f"urn:uuid:{number}", NOW) for number in numbers])


def entry(workspace: Workspace, number: int) -> Entry:
    """Return an entry by its number."""
    with workspace.database.reading() as session:
        return session.get_one(Entry, number)


def test_an_entry_is_edited(ledger: Workspace) -> None:
    """An edited entry is named first, by itself or by its tile, under its old or a new transaction id."""
    edited = entry(ledger, 1).body.replace(b'"version":1', b'"version":7')
    attack(ledger.database, "UPDATE entries SET body = :body WHERE number = 1", body=edited)
    assert findings(ledger)[0] == "entry 1 was altered: its transaction id does not belong to its text"
    rewrite(ledger.database, 1, edited)
    found = findings(ledger)
    assert found[0] == "tile 0/0 does not follow from the entries"
    assert any(one.startswith("checkpoint ") for one in found)
    assert any(one.startswith("designs ") and "version" in one for one in found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "value"),
    [("type", "design.retire"), ("subject", "dsn_other"), ("at", "2020-01-01 00:00:00+00:00")],
)
def test_an_entry_s_column_is_edited(ledger: Workspace, column: str, value: str) -> None:
    """The audit names an entry whose search columns differ from its text."""
    attack(ledger.database, f"UPDATE entries SET {column} = '{value}' WHERE number = 1")  # noqa: S608 - ours
    assert findings(ledger)[0].startswith("entry 1 has columns that differ from its text:")


def test_an_entry_is_deleted(ledger: Workspace) -> None:
    """The audit names the first missing entry, in the middle or at the end, whether the size is lowered or not."""
    size = sign(ledger).size
    attack(ledger.database, "DELETE FROM entries WHERE number = :last", last=size - 1)
    assert findings(ledger)[0] == f"entry {size - 1} is missing"
    attack(ledger.database, "UPDATE ledger_head SET size = size - 1")
    found = findings(ledger)
    assert found[0] == "tile 0/0 does not follow from the entries"
    assert any(one.startswith(f"checkpoint {size}") for one in found)
    attack(ledger.database, "DELETE FROM entries WHERE number = 2")
    assert findings(ledger)[0] == "entry 2 is missing"


def test_an_entry_is_slipped_in_behind_the_end(ledger: Workspace) -> None:
    """The audit names an entry that no tile holds."""
    forged = body(Draft("cert.flag", "urn:uuid:1", NOW))
    size = sign(ledger).size
    with ledger.database.writing() as session:
        session.add(
            Entry(
                number=size, tx_id=tx_id(forged), type="cert.flag", subject="urn:uuid:1", at=NOW, body=forged
            )
        )
    assert findings(ledger)[0] == f"entry {size} is beyond the end of the log"


def test_the_database_itself_refuses_to_change_entries(ledger: Workspace) -> None:
    """The database refuses to change or delete an entry until its triggers are dropped."""
    for statement in ("UPDATE entries SET type = 'x'", "DELETE FROM entries"):
        with (
            pytest.raises(sa.exc.DBAPIError, match="never changed"),
            ledger.database.engine.begin() as connection,
        ):
            connection.exec_driver_sql(statement)
    assert findings(ledger) == []


def test_a_tile_is_replaced(ledger: Workspace) -> None:
    """The audit names a tile that is missing, added, shortened or filled with other hashes."""
    kept = back_up(ledger.database)
    for statement in (
        sa.update(Tile).values(hashes=hashlib.sha256().digest() * sign(ledger).size),
        sa.update(Tile).values(hashes=sa.func.substr(Tile.hashes, 1, 32)),
    ):
        attack(ledger.database, statement)
        assert findings(ledger) == ["tile 0/0 does not follow from the entries"]
        restore(ledger.database, kept)
    attack(ledger.database, sa.insert(Tile).values(level=1, number=0, hashes=bytes(32)))
    assert findings(ledger) == ["tile 1/0 does not follow from the entries"]
    attack(ledger.database, sa.delete(Tile))
    assert findings(ledger) == ["tile 0/0 is missing"]


@pytest.mark.parametrize("table", EDITS)
def test_a_row_is_edited(ledger: Workspace, table: str) -> None:
    """The audit names the edited row and nothing else. The log itself is unchanged."""
    for edit in EDITS[table]:
        found = findings(ledger, edit)
        assert found, edit
        assert all(one.startswith(f"{table} ") for one in found), edit


def test_a_row_is_made_that_nobody_entered(ledger: Workspace) -> None:
    """The audit names a member row without an entry."""
    with ledger.database.writing() as session:
        made = organisations.describe_organisation(handle="mallory", name="M", roles=["brand"], now=NOW)
        made.state, made.approved_at = "approved", NOW
        session.add(made)
    assert findings(ledger) == [f"organisations {made.id} does not have exactly one entry org.approve"]


def test_a_row_is_deleted(ledger: Workspace) -> None:
    """The audit names a deleted row, because its entry still exists."""
    with ledger.database.writing() as session:
        made = organisations.ensure_brand(session, "initech", NOW)
    number = sign(ledger).size - 1
    attack(ledger.database, "DELETE FROM organisations WHERE handle = 'initech'")
    assert findings(ledger) == [f"organisations {made.id} is missing, but entry {number} created it"]


def test_a_checkpoint_is_rolled_back(ledger: Workspace) -> None:
    """The head file shows that the newest checkpoint is missing.

    The service signs the same checkpoint again, word for word.
    """
    grow_by(ledger, 1)
    newest = sign(ledger)
    attack(ledger.database, "DELETE FROM checkpoints WHERE size = :size", size=newest.size)
    assert findings(ledger) == [f"checkpoint {newest.size} is missing, but the head file has seen it"]
    assert sign(ledger).note == newest.note


def test_a_checkpoint_is_edited_or_signed_by_another(ledger: Workspace) -> None:
    """The audit names a checkpoint with another root, or with a signature by another key of the same name."""
    kept, size = back_up(ledger.database), sign(ledger).size
    forger = Signer(ledger.settings.ledger_origin, key_of(9))
    text = Checkpoint(forger.name, size, bytes(32)).text
    for values in (
        {"root": ANOTHER},
        {"note": sa.func.replace(SignedCheckpoint.note, f"\n{size}\n", f"\n{size + 1}\n")},
        {"note": signed_note(text, forger.sign(text)), "root": ANOTHER},
    ):
        attack(ledger.database, sa.update(SignedCheckpoint).values(values))
        assert [one for one in findings(ledger) if one.startswith(f"checkpoint {size} ")]
        restore(ledger.database, kept)
    assert findings(ledger) == []


def test_an_old_backup_is_restored(ledger: Workspace) -> None:
    """The service signs nothing while the database lacks signed entries, and serves no smaller tree."""
    kept = back_up(ledger.database)
    grow_by(ledger, 1, 2)
    sign(ledger)
    restore(ledger.database, kept)
    with pytest.raises(Unavailable) as refused:
        sign(ledger)
    assert refused.value.code == "ledger.rolled_back"
    assert findings(ledger)


@pytest.mark.parametrize("more", [(3,), (3, 4), (3, 4, 5)])
def test_an_old_backup_is_restored_and_grown(ledger: Workspace, more: tuple[int, ...]) -> None:
    """A restored backup that grew otherwise is a second history of the same name, and is never signed."""
    kept = back_up(ledger.database)
    grow_by(ledger, 1, 2)
    signed = sign(ledger)
    restore(ledger.database, kept)
    forge(ledger, *more)
    with pytest.raises((Unavailable, NotTrue)) as refused:
        sign(ledger)
    assert refused.value.code == ("ledger.rolled_back" if len(more) < 2 else "ledger.forked")
    with ledger.database.reading() as session:
        newest = journal.latest_checkpoint(session)
    assert newest is not None
    assert newest.size < signed.size
    assert findings(ledger)


def test_the_whole_history_is_rewritten(ledger: Workspace) -> None:
    """The service does not sign a rewritten log that is sound in itself, and the audit names it."""
    with ledger.database.reading() as session:
        bodies = journal.bodies(session, 0, 1000)
    said = read_body(bodies[0])
    bodies[0] = rfc8785.dumps({**said, "roles": ["agent"]})
    tiles = grow(0, [bytes.fromhex(tx_id(one)) for one in bodies], lambda *_: b"")
    rewrite(ledger.database, 0, bodies[0])
    attack(ledger.database, sa.update(Tile).values(hashes=tiles[0, 0]))
    with pytest.raises(NotTrue, match="head file"):
        grow_by(ledger, 1)
    forge(ledger, 1)
    with pytest.raises(NotTrue, match="head file"):
        sign(ledger)
    attack(ledger.database, sa.delete(SignedCheckpoint))
    with pytest.raises(NotTrue) as refused:
        sign(ledger)
    assert refused.value.code == "ledger.forked"
    assert any("the head file has seen signed" in one for one in findings(ledger))


@pytest.mark.slow
def test_an_entry_is_back_dated(ledger: Workspace) -> None:
    """The audit names an entry that is older than the checkpoint before it, or newer than its own checkpoint."""
    size = sign(ledger).size
    times = (NOW - timedelta(days=365), NOW - timedelta(minutes=4), NOW + timedelta(hours=1))
    grow_by(ledger, 1, 2, 3)
    bodies = [body(Draft("cert.flag", f"urn:uuid:{number}", at)) for number, at in enumerate(times)]
    for number, forged in enumerate(bodies, size):
        rewrite(ledger.database, number, forged)
    with ledger.database.reading() as session:
        leaves = [bytes.fromhex(tx_id(one)) for one in journal.bodies(session, 0, 1000)]
    tiles = grow(0, leaves, lambda *_: b"")
    attack(ledger.database, sa.update(Tile).values(hashes=tiles[0, 0]))
    sign(ledger)
    attack(ledger.database, sa.update(SignedCheckpoint).values(signed_at=NOW))
    assert [one.split(" to ")[0].split(" 20")[0] for one in findings(ledger)] == [
        f"entry {size} is back-dated",
        f"entry {size + 2} is dated",
    ]


def test_an_entry_s_time_is_edited(ledger: Workspace) -> None:
    """An entry with another time is another entry, and no longer agrees with its tile."""
    said = read_body(entry(ledger, 1).body)
    rewrite(ledger.database, 1, rfc8785.dumps({**said, "at": time_text(NOW - timedelta(minutes=1))}))
    found = findings(ledger)
    assert found[0] == "tile 0/0 does not follow from the entries"
    assert any(one.startswith("designs ") and "registered_at" in one for one in found)


def test_the_head_file_is_damaged(ledger: Workspace) -> None:
    """The service neither records nor signs when it cannot read the head file, because the file may hold more than the database."""
    path = ledger.settings.keys_dir / "ledger-head"
    path.write_text("{}")
    for act in (lambda: grow_by(ledger, 1), lambda: sign(ledger)):
        with pytest.raises(Unavailable) as refused:
            act()
        assert refused.value.code == "ledger.head_file"
