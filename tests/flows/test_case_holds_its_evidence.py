"""Flow: a case keeps seeing what it was opened with, and lets go when it is closed."""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import make
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.checks import evidence
from authcheck.checks.tables import Check
from authcheck.listings import holds, judging
from authcheck.listings.judging import Judged, NewListing
from authcheck.listings.tables import EvidenceHold, Listing
from authcheck.storage import held_copies
from authcheck.storage.working_copies import Copies
from authcheck.workspace import Workspace

pytestmark = pytest.mark.slow
DAY = timedelta(days=1)
LATER = make.NOW + 400 * DAY


@pytest.fixture
def member(workspace: Workspace) -> str:
    """Register a design. Return the id of its owner, who hands listings in here."""
    return make.register(workspace, seed=1).design.owner_id


def hand_in(work: Workspace, member: str | None, *seeds: int, **words: Any) -> Judged:
    """Hand in an offer with copies of the designs of these seeds, by default of seed 1."""
    fields: dict[str, Any] = {
        "reference": "L-1", "seller": "kites", "channel": "bigmarket", "territory": "DE", "listed_on": date(2026, 11, 23),
    }  # fmt: skip
    pictures = [(f"{seed}.png", make.picture_bytes(seed)) for seed in seeds or (1,)]
    offer = NewListing(**{**fields, **words})
    return judging.check_listing(work, offer, pictures, organisation_id=member, source="api", now=make.NOW)


def hold(work: Workspace, listing: Listing, case_id: str = "cas_1", **words: Any) -> EvidenceHold:
    """Hold a listing for a case."""
    with work.database.writing() as session:
        return holds.hold(session, work.copies, listing, case_id=case_id, **{"now": make.NOW, **words})


def release(work: Workspace, case_id: str = "cas_1") -> int:
    """Release all that a case holds."""
    with work.database.writing() as session:
        return holds.release(session, work.copies, case_id, LATER)


def check_of(work: Workspace, held: EvidenceHold) -> Check:
    """Return the check of the first picture."""
    with work.database.reading() as session:
        return session.get_one(Check, held.pictures[0].check_id)


def is_shown(work: Workspace, held: EvidenceHold, copies: Copies | None = None) -> bool:
    """Return whether the picture of a hold can be shown much later."""
    check = check_of(work, held)
    return (copies or work.copies).get(check.picture_sha256, check.asked_at, LATER) is not None


def held_files(work: Workspace) -> list[Path]:
    """Return all files of held copies."""
    return [path for path in work.copies.held.folder.rglob("*") if path.is_file()]


def test_a_held_copy_outlives_age_and_room(workspace: Workspace, member: str) -> None:
    """Sweeps by age, by room and with days = 0 spare it. After the release it goes."""
    held = hold(workspace, hand_in(workspace, member).listing)
    assert [picture.has_copy for picture in held.pictures] == [True]
    folder = workspace.copies.folder
    for copies in (
        workspace.copies,
        Copies(folder, days=9, max_bytes=0),
        Copies(folder, days=0, max_bytes=1),
    ):
        copies.sweep(LATER)
        assert is_shown(workspace, held, copies)
    check = check_of(workspace, held)
    evidence.require(check, workspace.copies, LATER)
    assert release(workspace) == 1
    assert held_files(workspace) == []
    assert not evidence.exists(check, workspace.copies, LATER)
    assert release(workspace) == 0


def test_the_public_keeps_its_promised_day(workspace: Workspace, member: str) -> None:
    """A case about the same picture does not prolong the evidence of a check by the public."""
    held = hold(workspace, hand_in(workspace, member).listing)
    check = check_of(workspace, held)
    public = Check(**{column.key: getattr(check, column.key) for column in Check.__table__.columns})
    public.organisation_id = None
    assert evidence.exists(check, workspace.copies, LATER)
    assert evidence.exists(public, workspace.copies, make.NOW)
    assert not evidence.exists(public, workspace.copies, LATER)


def test_two_cases_hold_one_picture(workspace: Workspace, member: str) -> None:
    """The release of one case leaves the picture to the other, also when it was held from the first one's copy."""
    listing = hand_in(workspace, member).listing
    hold(workspace, listing)
    for path in workspace.copies.folder.glob("[0-9a-f][0-9a-f]/*"):
        path.unlink()
    second = hold(workspace, listing, "cas_2", now=LATER)
    assert second.pictures[0].has_copy
    release(workspace)
    assert is_shown(workspace, second)
    release(workspace, "cas_2")
    assert held_files(workspace) == []


def test_a_later_hand_in_changes_nothing_in_the_case(workspace: Workspace, member: str) -> None:
    """The case sees the listing, its verdict and its pictures as they were. The listing itself is replaced."""
    first = hand_in(workspace, member, 1, 7, title="Red kite", price="19.90 EUR").listing
    held = hold(workspace, first)
    again = hand_in(workspace, member, 7, title="Blue bowl", price="5 USD").listing
    assert (again.id, again.title, again.verdict) == (first.id, "Blue bowl", "none")
    with workspace.database.reading() as session:
        (stored,) = holds.open_holds(session, "cas_1")
        seen = holds.held_listing(stored)
        assert (seen.title, seen.price_amount, seen.currency) == ("Red kite", Decimal("19.90"), "EUR")
        assert [picture.check.picture_name for picture in seen.pictures] == ["1.png", "7.png"]
        assert (seen.listed_on, seen.handed_in_at, seen.goods) == (
            first.listed_on,
            first.handed_in_at,
            first.goods,
        )
        assert judging.decide_again(seen).code == first.verdict == "unlicensed_use"
        session.flush()
        assert session.get_one(Listing, first.id).title == "Blue bowl"
    assert hold(workspace, again).id == held.id
    assert release(workspace) == 1
    assert hold(workspace, again, now=make.NOW + DAY).listing["title"] == "Blue bowl"
    with workspace.database.reading() as session:
        titles = [holds.held_listing(row).title for row in holds.all_holds(session, "cas_1")]
    assert titles == ["Red kite", "Blue bowl"]


def test_a_lost_picture_is_said_and_nothing_fails(
    workspace: Workspace, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No copy, a copy that is too old, and a disk that cannot be written: the hold has no picture."""
    listing = hand_in(workspace, member, 1, 7).listing
    held = hold(workspace, listing, "cas_old", now=LATER)
    assert [picture.has_copy for picture in held.pictures] == [False, False]
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(held_copies, "_link", full)
        held = hold(workspace, listing, "cas_full")
        assert [picture.has_copy for picture in held.pictures] == [False, False]
    healed = hold(workspace, listing, "cas_full")
    assert (healed.id, [picture.has_copy for picture in healed.pictures]) == (held.id, [True, False])
    held_files(workspace)[0].write_bytes(b"torn")
    workspace.copies.sweep(LATER)
    assert not is_shown(workspace, healed)
    assert release(workspace, "cas_full") == 1


def test_a_disk_without_hard_links_copies(
    workspace: Workspace, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file system cannot link, the held copy is a file of its own."""

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    held = hold(workspace, hand_in(workspace, member).listing)
    (path,) = held_files(workspace)
    assert path.stat().st_nlink == 1
    workspace.copies.sweep(LATER)
    assert is_shown(workspace, held)


def test_the_later_end_counts(workspace: Workspace, member: str) -> None:
    """A second clock prolongs a hold and never shortens it. A hold without an end stays without one."""
    listing = hand_in(workspace, member).listing
    ends = [make.NOW + days * DAY for days in (1, 3, 2)]
    assert [hold(workspace, listing, until=until).until for until in ends] == [ends[0], ends[1], ends[1]]
    assert [hold(workspace, listing, until=until).until for until in (None, ends[0])] == [None, None]


@pytest.mark.postgresql
def test_what_is_rolled_back_changes_no_file(workspace: Workspace, member: str) -> None:
    """A hold that is rolled back leaves no file. A release that is rolled back, or only its savepoint, removes none."""
    listing = hand_in(workspace, member).listing

    def fails(act: Callable[..., Any]) -> None:
        def act_and_fail(block: AbstractContextManager[Session]) -> None:
            with block as session:
                act(session)
                raise RuntimeError("power cut")

        with pytest.raises(RuntimeError):
            act_and_fail(workspace.database.writing())

    fails(lambda session: holds.hold(session, workspace.copies, listing, case_id="cas_1", now=make.NOW))
    assert held_files(workspace) == []
    held = hold(workspace, listing)
    fails(lambda session: holds.release(session, workspace.copies, "cas_1", LATER))
    with workspace.database.writing() as session:
        savepoint = session.begin_nested()
        holds.release(session, workspace.copies, "cas_1", LATER)
        savepoint.rollback()
        with session.begin_nested():
            session.flush()
    workspace.copies.sweep(LATER)
    assert is_shown(workspace, held)
    with workspace.database.writing() as session:
        with session.begin_nested():
            holds.release(session, workspace.copies, "cas_1", LATER)
        assert len(held_files(workspace)) == 1
    assert held_files(workspace) == []


@pytest.mark.postgresql
def test_the_sweep_removes_what_a_crash_left_and_what_is_over(workspace: Workspace, member: str) -> None:
    """Files without an open hold go after an hour. A hold ends with its last day. Open holds stay."""
    listing = hand_in(workspace, member).listing
    held, ends = hold(workspace, listing), hold(workspace, listing, "cas_2", until=make.NOW + DAY)
    ended = next(path for path in held_files(workspace) if ends.id in path.name)
    orphan = ended.with_name(ended.name.replace(ends.id, f"{ends.id[:-4]}0000"))
    torn = ended.with_name(".new-torn")
    for path in (orphan, torn):
        path.write_bytes(ended.read_bytes())
        os.utime(path, (make.NOW.timestamp(), make.NOW.timestamp()))
    holds.sweep(workspace.database, workspace.copies, make.NOW)
    assert len(held_files(workspace)) == 4
    holds.sweep(workspace.database, workspace.copies, make.NOW + DAY)
    assert [held.id in path.name for path in held_files(workspace)] == [True]
    with workspace.database.reading() as session:
        assert holds.open_holds(session, "cas_2") == []


@pytest.mark.postgresql
def test_holds_and_releases_at_once_lose_nothing(workspace: Workspace, member: str) -> None:
    """While some cases hold and others let go, each open hold keeps its file and no released one does."""
    listing = hand_in(workspace, member).listing
    hold(workspace, listing, "cas_last")

    def work(number: int) -> None:
        for _ in range(3):
            hold(workspace, listing, f"cas_{number % 2}")
            release(workspace, f"cas_{number % 2}")
        hold(workspace, listing, f"cas_{number % 2}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with workspace.database.reading() as session:
        is_open = EvidenceHold.released_at.is_(None)
        open_ids = set(session.scalars(select(EvidenceHold.id).where(is_open)))
        cases = list(session.scalars(select(EvidenceHold.case_id).where(is_open)))
    assert len(cases) == len(set(cases))
    assert {"cas_last"} <= set(cases)
    assert {
        hold_id for hold_id in open_ids for path in held_files(workspace) if hold_id in path.name
    } == open_ids
    assert len(held_files(workspace)) == len(open_ids)


@pytest.mark.postgresql
def test_a_hold_never_mixes_two_hand_ins(workspace: Workspace, member: str) -> None:
    """While the reference is handed in again and again, each hold has the pictures of its own listing."""
    listing = hand_in(workspace, member, 7, title="7.png").listing

    def replace_it() -> None:
        for seed in (8, 7, 8, 7):
            hand_in(workspace, member, seed, title=f"{seed}.png")

    thread = threading.Thread(target=replace_it)
    thread.start()
    number = 0
    while thread.is_alive() or number < 2:
        held = hold(workspace, listing, f"cas_{number}")
        assert [picture.check.picture_name for picture in held.pictures] == [held.listing["title"]]
        number += 1
    thread.join()
