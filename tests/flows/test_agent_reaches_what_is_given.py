"""Flow: an agent sees and changes the designs and countries of its appointment. Others do not exist for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import agents_made
import certificates_made
import licences_made as made
import make
import pytest
from database_work import work_of
from sqlalchemy.orm import Session

from authcheck.certificates import batches
from authcheck.certificates.batches import Filter
from authcheck.checks import records
from authcheck.errors import Conflict, NotFound
from authcheck.licences import agreements, grants
from authcheck.licences.tables import Licence
from authcheck.listings import judging
from authcheck.listings.judging import NewListing
from authcheck.listings.tables import Listing
from authcheck.members import appointments
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry import designs, disputes
from authcheck.registry.masking import change_mask
from authcheck.registry.reading import read_view
from authcheck.workspace import Workspace

DAY = date(2026, 11, 23)


@dataclass(frozen=True)
class Scene:
    """A brand with two designs. Its agent has the design kite in France and Italy."""

    work: Workspace
    acme: certificates_made.Brand
    moon: str
    reach: Reach

    @property
    def kite(self) -> str:
        """Return the id of the agent's design."""
        return self.acme.design.id

    @property
    def acme_id(self) -> str:
        """Return the id of the brand."""
        return self.acme.design.owner_id

    def licence(self, *subjects: str, **words: Any) -> Licence:
        """Return a licence of acme that `maker` accepted."""
        return made.licence(self.work, designs=subjects, **words)


@pytest.fixture
def scene(workspace: Workspace) -> Scene:
    """Return the brand, its designs and the reach of its agent."""
    acme = certificates_made.brand(workspace, key=False)
    moon = make.register(workspace, "MOON-1", owner="acme", seed=5).design.id
    row = agents_made.appoint(workspace, designs=["KITE-1"], territories=["FR", "IT"])
    return Scene(workspace, acme, moon, appointments.reach_of(row))


def pages(read: Callable[[str], Sequence[Any]]) -> Iterator[str]:
    """Yield the ids of a list that is read page by page."""
    after = ""
    while page := read(after):
        yield from (row.id for row in page)
        after = page[-1].id


def assert_alike(
    scene: Scene, read: Callable[[Session, str, Reach], Any], outside: str, reached: str
) -> None:
    """Assert that a thing beyond reach is answered like an unknown id, and that others are found."""
    unknown = outside[:-1] + ("0" if outside[-1] != "0" else "1")
    seen = []
    for name in (outside, unknown):
        with (
            work_of(scene.work) as work,
            pytest.raises(NotFound) as refused,
            scene.work.database.reading() as session,
        ):
            read(session, name, scene.reach)
        seen.append((refused.value.code, str(refused.value).replace(name, "ID"), work))
    assert seen[0] == seen[1]
    with scene.work.database.reading() as session:
        assert read(session, outside, WHOLE).id == outside
        assert read(session, reached, scene.reach).id == reached


def test_designs_beyond_reach_are_not_there(scene: Scene) -> None:
    """The list, one design and the change of a mask know the agent's designs only."""
    with scene.work.database.reading() as session:
        for reach, expected in ((scene.reach, [scene.kite]), (WHOLE, sorted([scene.kite, scene.moon]))):
            found = pages(
                lambda after, reach=reach: designs.list_designs(
                    session, owner_id=scene.acme_id, after=after, limit=1, reach=reach
                )
            )
            assert list(found) == expected
    assert_alike(
        scene,
        lambda session, name, reach: designs.get_design(session, name, owner_id=scene.acme_id, reach=reach),
        scene.moon,
        scene.kite,
    )
    with pytest.raises(NotFound) as refused:
        change_mask(
            scene.work.database,
            scene.work.store,
            scene.work.limits,
            design_id=scene.moon,
            picture_sha256=read_view(make.picture_bytes(5), scene.work.limits).sha256,
            masking=None,
            now=make.NOW,
            owner_id=scene.acme_id,
            reach=scene.reach,
        )
    assert refused.value.code == "design.not_found"


def test_a_part_of_a_brand_is_not_the_brand(scene: Scene) -> None:
    """An agent with some designs or countries adds no designs, moves none between collections, and opens no shops."""
    countries, some_designs = Reach(territories=frozenset({"FR"})), Reach(designs=frozenset({scene.kite}))
    for reach in (scene.reach, some_designs):
        for require in (reach.require_all_designs, reach.require_whole):
            with pytest.raises(Conflict) as refused:
                require()
            assert refused.value.code == "appointment.outside"
    countries.require_all_designs()
    with pytest.raises(Conflict):
        countries.require_whole()
    WHOLE.require_whole()
    with scene.work.database.writing() as session:
        design = designs.get_design(session, scene.kite, reach=scene.reach)
        designs.update_design(session, design, title="New", collection="", now=make.NOW, reach=scene.reach)
        for reach in (scene.reach, countries, some_designs):
            with pytest.raises(Conflict) as refused:
                designs.update_design(session, design, collection="Summer", now=make.NOW, reach=reach)
            assert refused.value.code == "appointment.outside"
        designs.update_design(session, design, collection="Summer", now=make.NOW)
    assert (design.title, design.collection) == ("New", "Summer")


@pytest.mark.postgresql
def test_licences_are_within_reach_with_all_their_designs_and_countries(scene: Scene) -> None:
    """A licence of another design, of a collection, or for one more country is not there."""
    with scene.work.database.writing() as session:
        design = designs.get_design(session, scene.kite)
        designs.update_design(session, design, collection="Summer", now=make.NOW)
    both = (scene.kite, scene.moon)
    outside = [
        scene.licence(scene.moon, territories=("FR",)),
        scene.licence(*both, territories=("FR",)),
        scene.licence(scene.kite, territories=("DE",)),
        scene.licence(scene.kite, territories=("FR", "DE")),
        scene.licence(scene.kite),
        scene.licence(scene.kite, except_territories=("CN",)),
        scene.licence(collections=("Summer",), territories=("FR",)),
        scene.licence(scene.kite, collections=("Summer",), territories=("FR",)),
    ]
    within = [
        scene.licence(scene.kite, territories=("FR",)),
        scene.licence(scene.kite, territories=("IT", "FR"), goods=(25,), accepted=False),
    ]
    cases = [
        (scene.reach, within),
        (Reach(scene.reach.designs), [*outside[2:6], *within]),
        (Reach(territories=scene.reach.territories), [*outside[:2], *outside[6:], *within]),
        (Reach(frozenset(both), frozenset({"FR", "DE"})), [*outside[:4], within[0]]),
        (WHOLE, [*outside, *within]),
    ]
    with scene.work.database.reading() as session:
        for reach, expected in cases:
            found = pages(
                lambda after, reach=reach: grants.list_licences(
                    session, scene.acme_id, role="owner", after=after, limit=2, reach=reach
                )
            )
            assert list(found) == sorted(row.id for row in expected)
    for row in outside:
        assert_alike(
            scene,
            lambda session, name, reach: grants.get_licence(
                session, name, organisation_id=scene.acme_id, reach=reach
            ),
            row.id,
            within[0].id,
        )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"designs": "moon", "territories": ("FR",)}, "design.not_found"),
        ({"designs": "foreign", "territories": ("FR",)}, "design.not_found"),
        ({"collections": ("Summer",), "territories": ("FR",)}, "appointment.outside"),
        ({"designs": "kite", "territories": ("FR", "DE")}, "appointment.outside"),
        ({"designs": "kite", "territories": ("EU",)}, "appointment.outside"),
        ({"designs": "kite"}, "appointment.outside"),
    ],
)
def test_an_agent_offers_nothing_beyond_its_reach(scene: Scene, words: dict[str, Any], code: str) -> None:
    """Neither a new licence nor the next version of one has more than the appointment."""
    foreign = make.register(scene.work, "OTHER", owner="globex", seed=8).design.id
    ids = {"kite": (scene.kite,), "moon": (scene.moon,), "foreign": (foreign,)}
    if "designs" in words:
        words = {**words, "designs": ids[words["designs"]]}
    current = scene.licence(scene.kite, territories=("FR",))
    giver, taker = made.organisation(scene.work, "acme"), made.organisation(scene.work, "maker")
    terms = made.terms(**words)
    with pytest.raises((Conflict, NotFound)) as offered, scene.work.database.writing() as session:
        agreements.offer(session, giver, taker, terms, make.NOW, reach=scene.reach)
    with pytest.raises((Conflict, NotFound)) as amended, scene.work.database.writing() as session:
        agreements.amend(session, giver, current.id, terms, make.NOW, reach=scene.reach)
    assert offered.value.code == amended.value.code == code
    with scene.work.database.writing() as session:
        narrower = made.terms(designs=(scene.kite,), territories=("IT",))
        assert agreements.offer(session, giver, taker, narrower, make.NOW, reach=scene.reach)


def test_an_agent_is_not_told_which_licence_is_in_the_way(scene: Scene) -> None:
    """The brand reads the id of an exclusive licence that overlaps. An agent beyond whose reach it is does not."""
    rival = scene.licence(scene.kite, exclusive=True)
    giver, taker = made.organisation(scene.work, "acme"), made.organisation(scene.work, "other")
    terms = made.terms(designs=(scene.kite,), territories=("FR",))
    for reach, is_told in ((WHOLE, True), (scene.reach, False)):
        with pytest.raises(Conflict) as refused, scene.work.database.writing() as session:
            agreements.offer(session, giver, taker, terms, make.NOW, reach=reach)
        assert refused.value.code == "licence.exclusive"
        assert (rival.id in f"{refused.value} {refused.value.params}") is is_told
        assert ("maker" in f"{refused.value} {refused.value.params}") is is_told


@pytest.mark.postgresql
def test_an_agent_ends_no_version_beyond_its_reach(scene: Scene) -> None:
    """A series with a version in force for another country is left to the brand, whichever id is named."""
    giver, taker = made.organisation(scene.work, "acme"), made.organisation(scene.work, "maker")
    first = scene.licence(scene.kite, territories=("FR", "DE"))
    narrow = made.terms(designs=(scene.kite,), territories=("FR",))
    with scene.work.database.writing() as session:
        second = agreements.amend(session, giver, first.id, narrow, make.NOW)
    acts: list[Callable[[Session], Any]] = [
        lambda session: agreements.revoke(session, giver, second.id, "agreed", make.NOW, reach=scene.reach),
        lambda session: agreements.revoke(session, giver, first.id, "agreed", make.NOW, reach=scene.reach),
        lambda session: agreements.accept(session, taker, second.id, make.NOW, reach=scene.reach),
        lambda session: agreements.decline(session, taker, first.id, make.NOW, reach=scene.reach),
        lambda session: agreements.amend(session, giver, second.id, narrow, make.NOW, reach=scene.reach),
    ]
    for act in acts:
        with pytest.raises(NotFound) as refused, scene.work.database.writing() as session:
            act(session)
        assert refused.value.code == "licence.not_found"
    with scene.work.database.writing() as session:
        agreements.accept(session, taker, second.id, make.NOW)
    with scene.work.database.writing() as session:  # now the version for Germany is superseded
        assert agreements.revoke(session, giver, second.id, "agreed", make.NOW, reach=scene.reach).revoked_at


def test_disputes_of_other_designs_are_not_there(scene: Scene) -> None:
    """An agent reads the disputes of its designs, on either side."""
    make.register(scene.work, "COPY-KITE", owner="globex", seed=0)
    make.register(scene.work, "COPY-MOON", owner="globex", seed=5)
    with scene.work.database.reading() as session:
        rows = disputes.list_disputes(session, owner_id=scene.acme_id)
        of_kite, of_moon = sorted(rows, key=lambda row: row.other_design_id == scene.moon)
        found = disputes.list_disputes(session, owner_id=scene.acme_id, reach=scene.reach)
        assert [row.id for row in found] == [of_kite.id]
        assert disputes.list_disputes(session, reach=scene.reach) == found
    assert_alike(
        scene,
        lambda session, name, reach: disputes.get_dispute(session, name, owner_id=scene.acme_id, reach=reach),
        of_moon.id,
        of_kite.id,
    )


def test_batches_and_certificates_of_other_designs_are_not_there(scene: Scene) -> None:
    """An agent reads the certificates of its designs. Pages stay full although others lie between."""
    scene.acme.add_key()
    made_batches = [
        scene.acme.issue(f"r{number}", design_id=design_id, count=2)
        for number, design_id in enumerate([scene.kite, scene.moon, scene.moon, scene.kite])
    ]
    mine = sorted([made_batches[0].id, made_batches[3].id])
    with scene.work.database.reading() as session:
        page = batches.list_batches(session, scene.acme_id, limit=2, reach=scene.reach)
        assert [row.id for row in page] == mine
        units = batches.list_certificates(session, scene.acme_id, Filter(), limit=4, reach=scene.reach)
        assert sorted(row.batch_id for row in units) == [mine[0], mine[0], mine[1], mine[1]]
        others = batches.list_certificates(session, scene.acme_id, Filter(batch_id=made_batches[1].id))
        assert not batches.list_certificates(
            session, scene.acme_id, Filter(batch_id=made_batches[1].id), reach=scene.reach
        )
    assert_alike(
        scene,
        lambda session, name, reach: batches.get_batch(
            session, name, organisation_id=scene.acme_id, reach=reach
        ),
        made_batches[1].id,
        mine[0],
    )
    assert_alike(
        scene,
        lambda session, name, reach: batches.get_certificate(session, name, scene.acme_id, reach=reach),
        others[0].id,
        units[0].id,
    )


def listing(scene: Scene, name: str, territory: str, design_id: str | None) -> dict[str, Any]:
    """Return the columns of a listing of acme."""
    return {
        "id": f"lst_{name}", "organisation_id": scene.acme_id, "reference": name, "seller": "s", "channel": "m.example",
        "territory": territory, "goods": [], "price": None, "listed_on": DAY, "certificate_code": None,
        "handed_in_at": make.NOW, "decided_at": make.NOW, "policy": "p", "verdict": "none", "reasons": [],
        "evidence": {}, "design_id": design_id, "licence_id": None,
    }  # fmt: skip


def test_listings_elsewhere_are_not_there(scene: Scene) -> None:
    """An agent reads the listings of its designs in its countries."""
    with scene.work.database.writing() as session:
        for name, territory, design_id in (
            ("A0", "FR", scene.kite), ("B0", "FR", scene.moon), ("C0", "DE", scene.kite), ("D0", "FR", None),
            ("E0", "IT", scene.kite),
        ):  # fmt: skip
            session.add(Listing(**listing(scene, name, territory, design_id)))
    with scene.work.database.reading() as session:
        page = judging.list_listings(session, organisation_id=scene.acme_id, limit=2, reach=scene.reach)
        assert [row.reference for row in page] == ["A0", "E0"]
    for name in ("lst_B0", "lst_C0", "lst_D0"):
        assert_alike(
            scene,
            lambda session, name, reach: judging.get_listing(
                session, name, organisation_id=scene.acme_id, reach=reach
            ),
            name,
            "lst_A0",
        )


def test_checks_of_other_designs_are_not_there(scene: Scene) -> None:
    """An agent reads the brand's checks that found its designs, and everybody's anonymous checks."""
    words = {"organisation_id": scene.acme_id}
    of_kite, of_moon, of_none = (
        make.check(scene.work, str(design_id).encode(), design_id=design_id, **words)
        for design_id in (scene.kite, scene.moon, None)
    )
    anonymous = make.check(scene.work, design_id=scene.moon)
    for name in (of_moon.id, of_none.id):
        assert_alike(
            scene,
            lambda session, name, reach: records.get_check(
                session, name, organisation_id=scene.acme_id, reach=reach
            ),
            name,
            of_kite.id,
        )
    with scene.work.database.reading() as session:
        assert [row.id for row in records.list_checks(session, scene.acme_id, reach=scene.reach)] == [
            of_kite.id
        ]
        own = records.get_check(session, anonymous.id, organisation_id=scene.acme_id, reach=scene.reach)
        assert own.id == anonymous.id


def test_an_agent_replaces_no_listing_beyond_its_reach(scene: Scene) -> None:
    """An agent hands in offers of its countries, and overwrites no listing of the brand elsewhere."""
    with scene.work.database.writing() as session:
        for name, territory, design_id in (
            ("MOON", "FR", scene.moon), ("GERMAN", "DE", scene.kite), ("NOTHING", "FR", None),
        ):  # fmt: skip
            session.add(Listing(**listing(scene, name, territory, design_id)))

    def hand_in(reference: str, territory: str) -> judging.Judged:
        new = NewListing(
            reference=reference, seller="s", channel="m.example", territory=territory, listed_on=DAY
        )
        pictures = [("p.png", make.picture_bytes(9))]
        return judging.check_listing(
            scene.work,
            new,
            pictures,
            organisation_id=scene.acme_id,
            source="api",
            now=make.NOW,
            reach=scene.reach,
        )

    for reference, territory, code in (
        ("NEW", "DE", "appointment.outside"),
        ("MOON", "FR", "listing.reference_taken"),
        ("GERMAN", "FR", "listing.reference_taken"),
    ):
        with pytest.raises(Conflict) as refused:
            hand_in(reference, territory)
        assert refused.value.code == code
    assert hand_in("NOTHING", "Frankreich").again
    with scene.work.database.reading() as session:
        rows = judging.list_listings(session, organisation_id=scene.acme_id)
    assert [(row.reference, row.territory) for row in rows] == [
        ("GERMAN", "DE"),
        ("MOON", "FR"),
        ("NOTHING", "FR"),
    ]
