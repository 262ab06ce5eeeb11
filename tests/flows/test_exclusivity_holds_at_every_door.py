"""Flow: a licensee was promised to be the only one. No act of the owner brings a second one to the design."""

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import certificates_made as made
import licensees_made as licensees
import make
import pytest
from hypothesis import example, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from licensees_made import Licensee
from sqlalchemy import func, select
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.config import Settings
from authcheck.errors import AuthcheckError, Conflict
from authcheck.ledger.tables import Entry
from authcheck.licences import agreements
from authcheck.licences.tables import Licence
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.registry.design_files import Row
from authcheck.registry.reading import read_view
from authcheck.registry.registration import NewDesign, Registration
from authcheck.registry.tables import Design
from authcheck.storage.database import Database
from authcheck.workspace import Workspace

SPRING = "Spring"
Cli = Callable[..., Any]


@pytest.fixture
def weavers(workspace: Workspace, acme: made.Brand) -> Licensee:
    """A second licensee with a key and no licence."""
    return licensees.licensee(workspace, acme.design, "weavers")


def grant(acme: made.Brand, to: str, **terms: Any) -> Licence:
    """Give an accepted licence of acme's."""
    return licensees.licence(acme.work, "acme", to, **terms)


def collect(acme: made.Brand, collection: str, design: Design | None = None) -> None:
    """Move a design into a collection."""
    with acme.work.database.writing() as session:
        row = designs.get_design(session, (design or acme.design).id)
        designs.update_design(session, row, collection=collection, now=make.NOW)


def take(acme: made.Brand, offer: Licence) -> None:
    """Accept an offer to weavers."""
    with acme.work.database.writing() as session:
        taker = organisations.get_organisation(session, "weavers")
        agreements.accept(session, taker, offer.id, make.NOW)


def retire(acme: made.Brand, design: Design | None = None) -> None:
    """Retire a design."""
    with acme.work.database.writing() as session:
        designs.retire(session, designs.get_design(session, (design or acme.design).id), make.NOW)


def come_back(acme: made.Brand, reference: str = "KITE-2", **words: Any) -> Design:
    """Register the picture of acme's design again."""
    return make.register(acme.work, reference, seed=0, **words).design


def issuers(acme: made.Brand, *takers: Licensee, design: Design | None = None) -> list[str]:
    """Return the licensees that get certificates for a design, each for an order of one unit."""
    able = []
    for taker in takers:
        try:
            taker.issue(f"try-{(design or acme.design).id}", count=1, design_id=(design or acme.design).id)
            able.append(taker.handle)
        except Conflict:
            continue
    return able


def entries(workspace: Workspace) -> int:
    """The number of ledger entries."""
    with workspace.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Entry)) or 0


@pytest.mark.postgresql
@pytest.mark.parametrize("exclusive", ["collection", "design", "both"])
def test_a_design_does_not_move_into_a_collection_of_another_licensee(
    acme: made.Brand, printers: Licensee, weavers: Licensee, exclusive: str
) -> None:
    """Whichever of the two licences is exclusive, the owner is told which two, and nothing changes."""
    of_collection = grant(acme, "printers", collections=(SPRING,), exclusive=exclusive != "design")
    of_design = grant(acme, "weavers", designs=(acme.design.id,), exclusive=exclusive != "collection")
    before = entries(acme.work)
    with pytest.raises(Conflict) as refused:
        collect(acme, SPRING)
    error = refused.value
    assert error.code == "licence.exclusive"
    assert {error.params["licence"], error.params["other"]} == {of_collection.id, of_design.id}
    assert {error.params["licensee"], error.params["other_licensee"]} == {"printers", "weavers"}
    assert all(str(value) in str(error) for value in error.params.values())
    assert issuers(acme, printers, weavers) == ["weavers"]
    assert entries(acme.work) == before + 2  # weavers' certificate and its list
    collect(acme, "Autumn")
    assert issuers(acme, printers) == []


@pytest.mark.postgresql
def test_a_collection_that_exists_does_not_grow_over_a_licence(
    acme: made.Brand, printers: Licensee, weavers: Licensee
) -> None:
    """The designs that are in the collection change nothing, and a licence that ended stands in no way."""
    make.register(acme.work, "IN", seed=5, collection=SPRING)
    grant(acme, "printers", collections=(SPRING,), exclusive=True)
    other = grant(acme, "weavers", designs=(acme.design.id,), exclusive=True)
    with pytest.raises(Conflict):
        collect(acme, SPRING)
    licensees.revoke(acme.work, "acme", other.id)
    collect(acme, SPRING)
    assert issuers(acme, printers, weavers) == ["printers"]


@pytest.mark.postgresql
def test_a_command_says_what_stands_against_it(
    acme: made.Brand, printers: Licensee, weavers: Licensee, cli: Cli
) -> None:
    """`designs change` ends with an error that names both licences and licensees."""
    first = grant(acme, "printers", collections=(SPRING,), exclusive=True)
    second = grant(acme, "weavers", designs=(acme.design.id,))
    done = cli("designs", "change", "KITE-1", "--collection", SPRING, "--org", "acme")
    assert done.code == 2
    assert f"licence {first.id} of printers, which is exclusive" in done.err
    assert f"licence {second.id} of weavers" in done.err
    assert "licence.exclusive" in done.err
    assert cli("designs", "list", "--json").objects[0]["collection"] in {None, ""}


@pytest.mark.postgresql
def test_a_patch_over_http_is_refused(settings: Settings) -> None:
    """PATCH answers 409 with both licences, and the design stays where it was."""
    with TestClient(create_app(settings)) as client:
        work: Workspace = client.app.state.workspace  # type: ignore[attr-defined]
        acme = made.brand(work)
        for handle in ("printers", "weavers"):
            licensees.licensee(work, acme.design, handle)
        first = grant(acme, "printers", collections=(SPRING,), exclusive=True)
        second = grant(acme, "weavers", designs=(acme.design.id,), exclusive=True)
        headers = {"Authorization": f"Bearer {make.key(work, 'designs:write')}"}
        url = f"/v1/designs/{acme.design.id}"
        etag = client.get(url, headers=headers).headers["etag"]
        answer = client.patch(url, headers={**headers, "If-Match": etag}, json={"collection": SPRING})
        assert (answer.status_code, answer.json()["code"]) == (409, "licence.exclusive")
        assert {answer.json()["params"][name] for name in ("licence", "other")} == {first.id, second.id}
        assert client.get(url, headers=headers).headers["etag"] == etag
        answer = client.patch(url, headers={**headers, "If-Match": etag}, json={"title": "Kite, blue"})
        assert answer.status_code == 200


@pytest.mark.postgresql
def test_a_retired_design_does_not_return_for_another(
    acme: made.Brand, printers: Licensee, weavers: Licensee
) -> None:
    """A design under an exclusive licence is retired and registered again. The promise comes with it."""
    promised = grant(acme, "printers", designs=(acme.design.id,), exclusive=True)
    retire(acme)
    returned = come_back(acme)
    with pytest.raises(Conflict) as refused:
        grant(acme, "weavers", designs=(returned.id,), exclusive=True)
    assert refused.value.params["licence"] == promised.id
    assert issuers(acme, weavers, design=returned) == []
    licensees.revoke(acme.work, "acme", promised.id)
    grant(acme, "weavers", designs=(returned.id,), exclusive=True)
    assert issuers(acme, weavers, design=returned) == ["weavers"]


@pytest.mark.postgresql
def test_a_design_returns_twice_and_the_promise_is_still_there(
    acme: made.Brand, printers: Licensee, weavers: Licensee
) -> None:
    """The way over a third reference leads to the same refusal."""
    grant(acme, "printers", designs=(acme.design.id,), exclusive=True)
    retire(acme)
    second = come_back(acme)
    retire(acme, second)
    third = come_back(acme, "KITE-3")
    with pytest.raises(Conflict):
        grant(acme, "weavers", designs=(third.id,))


@pytest.mark.postgresql
def test_a_retired_design_does_not_return_into_another_collection(
    acme: made.Brand, printers: Licensee, weavers: Licensee
) -> None:
    """Registration, a row of a table and its rehearsal are refused alike. Other rows are registered."""
    grant(acme, "printers", designs=(acme.design.id,), exclusive=True)
    grant(acme, "weavers", collections=(SPRING,), exclusive=True)
    retire(acme)
    with pytest.raises(Conflict) as refused:
        come_back(acme, collection=SPRING)
    assert refused.value.code == "licence.exclusive"
    rows = [
        Row(1, NewDesign("BACK", "Back", collection=SPRING), ("0",)),
        Row(2, NewDesign("NEW", "New", collection=SPRING), ("7",)),
    ]
    for dry_run in (True, False):
        reports = list(
            acme.work.importer().run(
                rows, lambda name: make.picture_bytes(int(name)), owner="acme", dry_run=dry_run
            )
        )
        assert [report.status for report in reports] == ["rejected", "registered"]
        assert (reports[0].code, reports[0].column) == ("licence.exclusive", "collection")
        assert "printers" in reports[0].detail
    assert come_back(acme).collection is None


@pytest.mark.postgresql
def test_a_picture_does_not_return_by_another_design(
    acme: made.Brand, printers: Licensee, weavers: Licensee
) -> None:
    """The picture of a retired design, added to a design of another exclusive licence, is refused."""
    grant(acme, "printers", designs=(acme.design.id,), exclusive=True)
    other = make.register(acme.work, "OTHER", seed=9).design
    grant(acme, "weavers", designs=(other.id,), exclusive=True)
    retire(acme)
    view = read_view(make.picture_bytes(0), acme.work.limits)

    def add() -> None:
        with acme.work.database.writing() as session:
            registration = Registration(session, acme.work.comparer(), acme.work.store, make.NOW)
            registration.add_views(designs.get_design(session, other.id), [view])

    with pytest.raises(Conflict) as refused:
        add()
    assert refused.value.code == "licence.exclusive"


@pytest.mark.postgresql
def test_an_offer_made_before_the_return_is_not_accepted_after_it(
    acme: made.Brand, printers: Licensee, weavers: Licensee
) -> None:
    """The licensee is refused and is told no id and no name: those are the owner's."""
    open_offer = licensees.licence(
        acme.work, "acme", "weavers", collections=(SPRING,), accepted=False, exclusive=True
    )
    promised = grant(acme, "printers", designs=(acme.design.id,), exclusive=True)
    collect(acme, SPRING)
    with pytest.raises(Conflict) as refused:
        take(acme, open_offer)
    assert refused.value.code == "licence.exclusive"
    assert refused.value.params == {}
    assert promised.id not in str(refused.value)
    assert "printers" not in str(refused.value)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"exclusive": False}, {"exclusive": False}),
        ({"territories": ("FR",)}, {"territories": ("DE",)}),
        ({"goods": (25,)}, {"goods": (9,)}),
        ({"channels": ("a.example",)}, {"channels": ("b.example",)}),
        ({"ends_on": date(2026, 6, 30)}, {}),
        ({"ends_on": date(2026, 12, 31)}, {"starts_on": date(2027, 1, 1)}),
    ],
)
def test_what_does_not_meet_may_share_a_design(
    acme: made.Brand,
    printers: Licensee,
    weavers: Licensee,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    """Licences without a common use from today on, or without exclusivity, do not stop a design."""
    grant(acme, "printers", collections=(SPRING,), **{"exclusive": True, **first})
    grant(acme, "weavers", designs=(acme.design.id,), **{"exclusive": True, **second})
    collect(acme, SPRING)


@pytest.mark.postgresql
def test_two_licences_of_one_licensee_do_not_stop_each_other(acme: made.Brand, printers: Licensee) -> None:
    """A licensee that has both licences is still the only one."""
    grant(acme, "printers", collections=(SPRING,), exclusive=True)
    grant(acme, "printers", designs=(acme.design.id,), exclusive=True)
    collect(acme, SPRING)
    retire(acme)
    assert come_back(acme, collection=SPRING).collection == SPRING


@pytest.mark.postgresql
def test_a_new_design_joins_an_exclusive_collection(
    acme: made.Brand, printers: Licensee, weavers: Licensee
) -> None:
    """That is what a licence of a collection is for. A collection of the same name elsewhere changes nothing."""
    grant(acme, "printers", collections=(SPRING,), exclusive=True)
    rival = make.register(acme.work, "R", owner="globex", seed=11, collection=SPRING).design
    licensees.licence(acme.work, "globex", "weavers", designs=(rival.id,), exclusive=True)
    joined = make.register(acme.work, "JOINS", seed=5, collection=SPRING).design
    assert issuers(acme, printers, weavers, design=joined) == ["printers"]


@pytest.mark.postgresql
def test_sublicences_are_compared_and_not_told(
    acme: made.Brand, printers: Licensee, weavers: Licensee
) -> None:
    """A move that makes two sublicences overlap is refused with the owner's own licence, not with theirs."""
    dyers = licensees.licensee(acme.work, acme.design, "dyers")
    terms = {"designs": (acme.design.id,), "collections": (SPRING,)}
    root = grant(acme, "printers", sublicensing=True, exclusive=True, **terms)
    one = licensees.licence(
        acme.work, "printers", "weavers", parent_id=root.id, designs=(acme.design.id,), exclusive=True
    )
    two = licensees.licence(
        acme.work, "printers", dyers.handle, parent_id=root.id, collections=(SPRING,), exclusive=True
    )
    with pytest.raises(Conflict) as refused:
        collect(acme, SPRING)
    assert (refused.value.params["licence"], refused.value.params["licensee"]) == (root.id, "printers")
    assert not any(word in str(refused.value) for word in (one.id, two.id, "weavers", "dyers"))


@pytest.mark.postgresql
def test_an_overlap_from_before_can_be_left(acme: made.Brand, printers: Licensee, weavers: Licensee) -> None:
    """Designs that an earlier release let in may leave the collection, and change otherwise."""
    grant(acme, "printers", collections=(SPRING,), exclusive=True)
    grant(acme, "weavers", designs=(acme.design.id,))
    with acme.work.database.writing() as session:
        session.get_one(Design, acme.design.id).collection = SPRING
    with acme.work.database.writing() as session:
        row = designs.get_design(session, acme.design.id)
        designs.update_design(session, row, title="Kite, red", collection=SPRING, now=make.NOW)
    collect(acme, "")
    with pytest.raises(Conflict):
        collect(acme, SPRING)


@pytest.mark.postgresql
@pytest.mark.slow
def test_of_a_move_and_an_acceptance_at_once_one_wins(
    acme: made.Brand, printers: Licensee, weavers: Licensee
) -> None:
    """The design moves at the moment at which the other licensee accepts. Never do both succeed."""
    for turn in range(6):
        collection = f"Race {turn}"
        design = make.register(acme.work, f"RACE-{turn}", seed=20 + turn).design
        grant(acme, "printers", collections=(collection,), exclusive=True)
        offer = licensees.licence(acme.work, "acme", "weavers", designs=(design.id,), accepted=False)
        start, lost = threading.Barrier(2), []

        def accept(offer: Licence = offer) -> None:
            take(acme, offer)

        def run(act: Callable[[], None], start: threading.Barrier = start, lost: list[str] = lost) -> None:
            start.wait()
            try:
                act()
            except AuthcheckError as error:
                lost.append(error.code)

        def move(name: str = collection, design: Design = design) -> None:
            collect(acme, name, design)

        threads = [threading.Thread(target=run, args=(act,)) for act in (accept, move)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert lost == ["licence.exclusive"]


STEPS = st.lists(
    st.sampled_from(["a collects", "a leaves", "retire", "return", "return in", "offer a", "offer spring", "offer back"]),
    max_size=8,
)  # fmt: skip


@pytest.mark.slow
@settings_of_hypothesis(max_examples=settings_of_hypothesis.default.max_examples // 3)
@given(steps=STEPS)
@example(steps=["offer a", "offer spring", "a collects"])
@example(steps=["offer spring", "offer a", "a collects"])
@example(steps=["offer a", "retire", "return", "offer back"])
@example(steps=["offer a", "offer spring", "retire", "return in"])
@example(steps=["offer spring", "a collects", "retire", "return in", "offer a"])
def test_no_walk_breaks_a_promise(steps: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the owner does after an exclusive licence of a design, nobody else can issue its picture."""
    work = Workspace.open(Settings(data_dir=tmp_path_factory.mktemp("walk")))
    make.confirm_address(work.database)
    acme = made.brand(work)
    takers = [licensees.licensee(work, acme.design, handle) for handle in ("printers", "weavers")]
    kites, promised, turn = [acme.design], set(), 0
    acts: dict[str, Callable[[], object]] = {
        "a collects": lambda: collect(acme, SPRING, kites[-1]),
        "a leaves": lambda: collect(acme, "", kites[-1]),
        "retire": lambda: retire(acme, kites[-1]),
        "return": lambda: kites.append(come_back(acme, f"KITE-{turn}")),
        "return in": lambda: kites.append(come_back(acme, f"KITE-{turn}", collection=SPRING)),
        "offer a": lambda: grant(acme, "printers", designs=(kites[0].id,), exclusive=True),
        "offer spring": lambda: grant(acme, "weavers", collections=(SPRING,), exclusive=True),
        "offer back": lambda: grant(acme, "weavers", designs=(kites[-1].id,), exclusive=True),
    }
    for turn, step in enumerate(steps, 2):  # noqa: B007 - the acts read `turn`
        try:
            acts[step]()
        except Conflict:
            continue
        promised |= {"offer a": {"printers"}, "offer back": {"weavers"}}.get(step, set())
    able = {handle for kite in kites for handle in issuers(acme, *takers, design=kite)}
    assert len(promised) <= 1
    assert able <= (promised or {"printers", "weavers"})
    work.database.dispose()


@pytest.mark.postgresql
def test_a_session_without_the_answer_changes_no_collection(acme: made.Brand) -> None:
    """Code that opens the database past the workspace cannot forget to ask: it fails."""
    bare = Database.open(acme.work.settings)
    with bare.writing() as session:
        row = designs.get_design(session, acme.design.id)
        with pytest.raises(KeyError):
            designs.update_design(session, row, collection=SPRING, now=make.NOW)
    bare.dispose()
