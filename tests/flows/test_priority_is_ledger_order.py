"""Flow: of two owners' similar pictures the later is disputed, whatever the order of registration.

The comparer is scripted: each test says which picture shows or resembles which.
"""

from collections.abc import Mapping, Sequence

import make
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from sqlalchemy import select

from authcheck.audit.rows import compare_rows
from authcheck.config import Settings
from authcheck.errors import Conflict
from authcheck.members import organisations
from authcheck.registry import designs, disputes, rulings
from authcheck.registry.comparison import Compared, NewPicture, Similar
from authcheck.registry.reading import ReadView, read_view
from authcheck.registry.registration import NewDesign, Registration
from authcheck.registry.tables import Design, View
from authcheck.vision.matching.subjects import Submitted
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

SCORES = {"match": 0.95, "lookalike": 0.7}
PICTURES = 5
Table = Mapping[tuple[int, int], str]  # verdict of a picture (by seed) on an earlier picture


class Scripted:
    """A comparer that knows pictures by their seeds and answers from a table."""

    policy = "scripted"

    def __init__(self, work: Workspace, views: Sequence[ReadView], table: Table) -> None:
        self._work, self._table = work, table
        self._seeds = {view.sha256: seed for seed, view in enumerate(views)}

    def verdict(self, picture: str, other: str) -> str | None:
        """Return what the first picture says about the second."""
        pair = self._seeds[picture], self._seeds[other]
        return "match" if pair[0] == pair[1] else self._table.get(pair)

    def compare(self, picture: NewPicture, owner_id: str | None) -> Compared:  # noqa: ARG002 - the protocol's
        """Implement `Comparer`: nothing is in the indexes, so that the transaction finds everything."""
        return Compared(self.policy, 0, ())

    def new_views(self) -> "ScriptedViews":
        """Implement `Comparer`."""
        return ScriptedViews(self)


class ScriptedViews:
    """Implements `NewViews` with the table."""

    def __init__(self, comparer: Scripted) -> None:
        self._comparer = comparer
        self._views: list[View] = []

    def add(self, view: View) -> None:
        """Implement `NewViews`."""
        self._views.append(view)

    def compare(
        self,
        picture: NewPicture,
        without: str | None,
        submitted: Submitted | None = None,  # noqa: ARG002 - as above
    ) -> list[Similar]:
        """Implement `NewViews`."""
        verdicts = [
            (view, self._comparer.verdict(picture.sha256, view.picture_sha256)) for view in self._views
        ]
        return [
            Similar(view, verdict, SCORES[verdict])
            for view, verdict in verdicts
            if verdict is not None and view.design.owner_id != without
        ]


class Registry:
    """A registry whose similarities are scripted."""

    def __init__(self, work: Workspace, table: Table) -> None:
        self.work = work
        self.views = [read_view(make.picture_bytes(seed), work.limits) for seed in range(PICTURES)]
        self._comparer = Scripted(work, self.views, table)

    def register(self, owner: str, reference: str, *seeds: int) -> str:
        """Register a design. Returns its state."""
        with self.work.database.writing() as session:
            organisation = organisations.ensure_brand(session, owner, make.NOW)
            registration = Registration(session, self._comparer, self.work.store, make.NOW)
            views = [self.views[seed] for seed in seeds]
            return registration.register(organisation, NewDesign(reference, reference), views).design.state

    def add(self, owner: str, reference: str, seed: int) -> None:
        """Add a picture to a design."""
        with self.work.database.writing() as session:
            registration = Registration(session, self._comparer, self.work.store, make.NOW)
            registration.add_views(designs.find_design(session, owner, reference), [self.views[seed]])

    def design(self, owner: str, reference: str) -> Design:
        """Return a design as it is now."""
        with self.work.database.reading() as session:
            return designs.find_design(session, owner, reference)

    def standings(self, owner: str, reference: str) -> list[str]:
        """Return the standings of a design's live views."""
        return [view.standing for view in designs.live_views(self.design(owner, reference))]


def test_a_lookalike_registers_and_both_owners_are_told(workspace: Workspace) -> None:
    """The later picture is near, its design is registered, and both designs name the resemblance."""
    registry = Registry(workspace, {(1, 0): "lookalike"})
    registry.register("brand", "FIRST", 0)
    assert registry.register("peer", "LATER", 1) == "registered"
    assert (registry.standings("brand", "FIRST"), registry.standings("peer", "LATER")) == (
        ["clear"],
        ["near"],
    )
    told = [designs.open_disputes(registry.design(*name)) for name in (("brand", "FIRST"), ("peer", "LATER"))]
    assert [[one.verdict for one in row] for row in told] == [["lookalike"], ["lookalike"]]
    assert told[0][0].id == told[1][0].id


def test_a_resemblance_gives_a_rival_no_rank_before_the_brands_own_addition(workspace: Workspace) -> None:
    """The rival's picture resembles the brand's. The brand adds a picture between both: it yields to nobody."""
    registry = Registry(workspace, {(1, 0): "lookalike", (2, 0): "match", (2, 1): "lookalike"})
    registry.register("brand", "FIRST", 0)
    registry.register("rival", "NEAR", 1)
    registry.add("brand", "FIRST", 2)
    assert registry.standings("brand", "FIRST") == ["clear", "clear"]


def test_what_an_own_view_explains_inherits_its_priority(workspace: Workspace) -> None:
    """The brand's addition shows the rival's picture, which resembles the brand's first one: the rival's yields."""
    registry = Registry(workspace, {(1, 0): "lookalike", (2, 0): "match", (2, 1): "match"})
    registry.register("brand", "FIRST", 0)
    registry.register("rival", "BETWEEN", 1)
    registry.add("brand", "FIRST", 2)
    assert registry.standings("brand", "FIRST") == ["clear", "clear"]
    assert registry.design("rival", "BETWEEN").state == "disputed"
    with workspace.database.reading() as session:
        assert list(compare_rows(session)) == []


def test_a_chain_of_small_steps_carries_no_priority(workspace: Workspace) -> None:
    """Each of the rival's pictures explains the next, from an early one to the brand's picture. The last is disputed."""
    registry = Registry(workspace, {(1, 0): "match", (2, 1): "match", (2, 3): "match"})
    registry.register("rival", "EARLY", 0)
    registry.register("brand", "FIRST", 3)
    registry.add("rival", "EARLY", 1)
    registry.add("rival", "EARLY", 2)
    assert registry.standings("rival", "EARLY") == ["clear", "clear", "disputed"]
    assert registry.standings("brand", "FIRST") == ["clear"]


def test_a_picture_that_was_compared_too_early_is_compared_again(workspace: Workspace) -> None:
    """The brand registers between the rival's comparison and the rival's registration: the rival is the later one."""
    rival = read_view(make.picture_bytes(0, "JPEG", quality=60), workspace.limits)
    rival = rival.compare(workspace.comparer(), None)
    make.register(workspace, "FIRST", owner="brand")
    with workspace.database.writing() as session:
        organisation = organisations.ensure_brand(session, "rival", make.NOW)
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        assert registration.register(organisation, NewDesign("COPY", ""), [rival]).status == "disputed"


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["register", "add", "remove", "retire", "rule"]),
        st.sampled_from(["brand", "rival"]),
        st.integers(0, PICTURES - 1),
        st.sampled_from(["earlier", "later", "both"]),
    ),
    min_size=2,
    max_size=10,
)
PAIRS = st.tuples(st.integers(0, PICTURES - 1), st.integers(0, PICTURES - 1)).filter(
    lambda pair: pair[0] != pair[1]
)
TABLES = st.dictionaries(PAIRS, st.sampled_from(["match", "lookalike"]), max_size=8)


@pytest.mark.slow
@settings_of_hypothesis(max_examples=settings_of_hypothesis.default.max_examples // 3)
@given(table=TABLES, acts=ACTS)
def test_no_order_of_acts_breaks_the_rules(
    tmp_path_factory: pytest.TempPathFactory, table: Table, acts: list[tuple[str, str, int, str]]
) -> None:
    """After any acts: only later views are disputed, only by living ones, and rows agree with the ledger."""
    work = Workspace.open(Settings(data_dir=tmp_path_factory.mktemp("acts"), fast=True))
    registry = Registry(work, table)
    for number, act in enumerate(acts):
        _do(registry, number, act)
        _assert_sound(work)
    work.database.dispose()


def _do(registry: Registry, number: int, wanted: tuple[str, str, int, str]) -> None:
    """Try an act. An act that is refused changes nothing."""
    act, owner, seed, ruling = wanted
    if act == "register":
        registry.register(owner, f"R{number}", seed)
        return
    with registry.work.database.reading() as session:
        organisation = organisations.find_organisation(session, owner)
        own = designs.list_designs(session, owner_id=organisation.id) if organisation else []
        open_ones = disputes.list_disputes(session)
    try:
        if act == "add" and own:
            registry.add(owner, own[-1].reference, seed)
        elif act in {"remove", "retire"} and own:
            with registry.work.database.writing() as session:
                design = designs.find_design(session, owner, own[seed % len(own)].reference)
                if act == "retire":
                    designs.retire(session, design, make.NOW)
                elif live := designs.live_views(design):
                    designs.remove_view(session, design, live[0].picture_sha256, make.NOW)
        elif act == "rule" and open_ones:
            with registry.work.database.writing() as session:
                rulings.rule(
                    session,
                    open_ones[seed % len(open_ones)].id,
                    ruling,
                    reason="x",
                    now=make.NOW,
                    is_final=seed % 3 > 0,
                )
    except Conflict:
        pass


def _assert_sound(work: Workspace) -> None:
    with work.database.reading() as session:
        assert list(compare_rows(session)) == []
        live = {
            (view.design_id, view.picture_sha256): view
            for view in session.scalars(select(View).where(View.removed_tick.is_(None)))
        }
        rows = disputes.list_disputes(session, limit=500)
        ids = [row[0] for row in session.execute(select(Design.id))]
        by_id = {design_id: designs.get_design(session, design_id) for design_id in ids}
    verdicts: dict[tuple[str, str | None], set[str]] = {}
    for dispute in rows:
        sides = (
            (dispute.design_id, dispute.picture_sha256),
            (dispute.other_design_id, dispute.other_picture_sha256),
        )
        assert all(side in live for side in sides)
        assert dispute.design.owner_id != dispute.other.owner_id
        verdicts.setdefault(sides[0], set()).add(dispute.verdict)
        if dispute.holds_design:
            assert dispute.other.registered_tick <= dispute.design.registered_tick
    for side, view in live.items():
        kinds = verdicts.get(side, set())
        assert view.standing == ("disputed" if "match" in kinds else "near" if kinds else "clear")
    for design in by_id.values():
        held = any(row.design_id == design.id and row.holds_design for row in rows)
        if design.state != "retired":
            assert design.state == ("disputed" if held else "registered")
            assert held or any(view.standing != "disputed" for view in designs.live_views(design))
