"""Flow: the machine's clock jumps back. The ledger's times do not, and the audit stays sound."""

import logging
from dataclasses import replace
from datetime import timedelta

import certificates_made as made
import make
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from ledger_acts import ACTS, Scene, build
from ledger_attacks import all_rows, back_up, findings, forge, put_back, sign
from sqlalchemy import select

from authcheck.config import Settings
from authcheck.errors import Unavailable
from authcheck.ledger import journal
from authcheck.ledger.tables import Entry
from authcheck.tlog.entries import Draft, read_body, time_text
from authcheck.workspace import Workspace

NOW = make.NOW
HOUR = timedelta(hours=1)


def strict(scene: Scene) -> Scene:
    """The same installation, with the tolerance of one that nobody has configured."""
    settings = scene.work.settings.model_copy(update={"clock_tolerance_hours": 24})
    work = Workspace.open(settings)
    return replace(scene, work=work, acme=replace(scene.acme, work=work))


def times_never_go_back(workspace: Workspace) -> bool:
    """Whether the ledger's times are in order, in the columns as in the bodies."""
    with workspace.database.reading() as session:
        entries = session.scalars(select(Entry).order_by(Entry.number)).all()
    times = [entry.at for entry in entries]
    assert [read_body(entry.body)["at"] for entry in entries] == [time_text(at) for at in times]
    return times == sorted(times)


@pytest.mark.slow
def test_every_act_an_hour_back_passes_the_audit(workspace: Workspace) -> None:
    """After every kind of act with a clock an hour back, and after its checkpoint, the audit finds nothing.

    The acts begin on one scene, which is put back after each: to build one takes longer than to act.
    """
    scene = strict(build(workspace))
    sign(scene.work)
    assert times_never_go_back(scene.work)
    before, head = all_rows(scene.work), scene.work.settings.keys_dir / "ledger-head"
    head_before = head.read_bytes()
    for name, act in ACTS.items():
        act(replace(scene, now=NOW - HOUR))
        sign(scene.work, NOW - HOUR)
        assert times_never_go_back(scene.work), name
        ACTS["a member joins"](replace(scene, now=NOW - HOUR))
        sign(scene.work, NOW + HOUR)
        assert findings(scene.work) == [], name
        head.write_bytes(head_before)
        put_back(scene.work, before)
    scene.work.database.dispose()


def test_the_warning_names_both_times(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    """The operator reads in the log what the clock says and what the ledger has."""
    acme = made.brand(workspace)
    with caplog.at_level(logging.WARNING, "authcheck.ledger.clock"):
        acme.issue("r1")
        assert caplog.records == []
        acme.issue("r2", now=NOW - HOUR)
    assert time_text(NOW - HOUR) in caplog.text
    assert time_text(NOW)[:16] in caplog.text


def test_an_entry_keeps_the_time_of_its_row_beside_its_own(workspace: Workspace) -> None:
    """`at` is the ledger's time, `since` the time that the clock told and that the row has."""
    acme = made.brand(workspace)
    batch = acme.issue("r1", now=NOW - HOUR)
    entry = made.entries(workspace, "cert.issue")[0]
    assert entry["at"] == time_text(NOW)
    assert entry["since"] == time_text(batch.created_at) == time_text(NOW - HOUR)


@pytest.mark.postgresql
@pytest.mark.parametrize("name", ["certificates are issued", "a member joins", "a licence is revoked"])
def test_a_clock_days_behind_records_nothing(workspace: Workspace, name: str) -> None:
    """Beyond the tolerance an act is refused with both times, and the next hour within it is not."""
    scene = strict(build(workspace))
    sign(scene.work)
    before = back_up(scene.work.database)
    late = NOW - timedelta(hours=24, minutes=6)
    with pytest.raises(Unavailable) as refused:
        ACTS[name](replace(scene, now=late))
    assert refused.value.code == "ledger.clock"
    assert refused.value.params["now"] == time_text(late)
    assert time_text(late) in str(refused.value)
    assert str(refused.value.params["newest"]) in str(refused.value)
    assert back_up(scene.work.database) == before
    ACTS[name](replace(scene, now=NOW - timedelta(hours=23)))
    assert findings(scene.work) == []
    scene.work.database.dispose()


def test_the_newest_signature_counts_as_the_newest_entry_does(workspace: Workspace) -> None:
    """Entries of the morning are signed in the evening. With a clock back at noon, none is back-dated."""
    made.brand(workspace)
    sign(workspace, NOW + 8 * HOUR)
    with workspace.database.writing() as session:
        journal.record(session, [Draft("cert.flag", "urn:uuid:1", NOW + HOUR)])
    sign(workspace, NOW + HOUR)
    assert findings(workspace) == []


@settings_of_hypothesis(max_examples=settings_of_hypothesis.default.max_examples // 3)
@given(minutes=st.lists(st.integers(-600, 600), max_size=12), signed=st.sets(st.integers(0, 11)))
def test_no_walk_of_the_clock_breaks_the_ledger(
    minutes: list[int], signed: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the clock says at each append and each signature, times are in order and the audit passes."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("walk"))
    workspace = Workspace.open(settings)
    for turn, minute in enumerate(minutes):
        now = NOW + timedelta(minutes=minute)
        with workspace.database.writing() as session:
            drafts = [Draft("cert.flag", f"urn:uuid:{turn}-{number}", now) for number in range(2)]
            journal.record(session, [*drafts, Draft("cert.flag", f"urn:uuid:{turn}-x", now - HOUR)])
        if turn in signed:
            sign(workspace, now)
    assert times_never_go_back(workspace)
    assert findings(workspace) == []
    workspace.database.dispose()


def test_an_entry_lifted_twice_is_one_entry(workspace: Workspace) -> None:
    """The same fact twice with a slow clock, in one transaction and in the next one, stays one entry."""
    forge(workspace, 1)
    draft = Draft("cert.flag", "urn:uuid:slow", NOW - HOUR)
    with workspace.database.writing() as session:
        first, again = journal.record(session, [draft, draft])
    with workspace.database.writing() as session:
        (later,) = journal.record(session, [draft])
    assert first.number == again.number == later.number
