"""Flow: an operator upgrades a registry in which an earlier release compared hashes only."""

from collections.abc import Callable
from dataclasses import replace

import make
import pytest
from PIL import Image
from sqlalchemy import select, update

from authcheck.audit.rows import compare_rows
from authcheck.checks.policies import FAST_POLICY
from authcheck.ids import new_id
from authcheck.ledger.journal import record_at_commit
from authcheck.registry import designs, disputes, facts
from authcheck.registry.clock import next_tick
from authcheck.registry.comparison import Compared
from authcheck.registry.reading import read_view
from authcheck.registry.registration import Registration
from authcheck.registry.tables import Design, Dispute, View
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]
OWN = "nw-001"


def turned(degrees: float) -> bytes:
    """The brand's picture, turned."""
    image = make.fixture(OWN).rotate(
        degrees, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC
    )
    return make.encode(image, "JPEG", quality=80)


@pytest.fixture
def old(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A registry of an earlier release: the rival's turned copy stands, and the brand's older design is disputed."""
    with monkeypatch.context() as patch:
        patch.setattr(
            "authcheck.checks.comparing.PictureComparer.compare",
            lambda comparer, *_: Compared(comparer.policy, 2**40, ()),
        )
        first = make.register(workspace, OWN, owner="brand", pictures=[make.encode(make.fixture(OWN))])
        copy = make.register(workspace, "COPY", owner="rival", pictures=[turned(34)])
        make.register(workspace, "OTHER", owner="rival", pictures=[make.encode(make.fixture("tt-004"))])
        with workspace.database.writing() as session:
            registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
            brand = designs.find_design(session, "brand", OWN)
            registration.add_views(brand, [read_view(turned(33), workspace.limits)])
    with workspace.database.writing() as session:
        session.execute(update(View).values(compared_by=None))
        design = session.get_one(Design, first.design.id)
        design.state = "disputed"
        session.flush()
        dispute = Dispute(
            id=new_id("dsp", make.NOW), design_id=design.id, other_design_id=copy.design.id, verdict="match",
            holds_design=True, score=0.97, reasons=[], noticed_at=make.NOW, noticed_tick=next_tick(session),
        )  # fmt: skip
        session.add(dispute)
        record_at_commit(session, [facts.disputed(dispute, design.version, make.NOW)])
    return workspace


def test_the_upgrade_compares_everything_once(old: Workspace, cli: Callable[..., object]) -> None:
    """The rival's copy becomes disputed, the brand's older design is free again, and the audit agrees."""
    done = cli("db", "upgrade")
    assert (done.code, "were compared with those of other owners" in done.err) == (0, True)  # type: ignore[attr-defined]
    with old.database.reading() as session:
        brand = designs.find_design(session, "brand", OWN)
        copy = designs.find_design(session, "rival", "COPY")
        other = designs.find_design(session, "rival", "OTHER")
        assert (brand.state, copy.state, other.state) == ("registered", "disputed", "registered")
        assert [view.standing for view in designs.live_views(brand)] == ["clear", "clear"]
        (dispute,) = disputes.list_disputes(session)
        assert (dispute.design.reference, dispute.other.reference) == ("COPY", OWN)
        (old_dispute,) = [one for one in disputes.list_disputes(session, ended=True) if one.ended_by]
        assert old_dispute.ended_by == "revised"
        assert len(old.find_uncompared(session)) == 0
        assert list(compare_rows(session)) == []
    again = cli("db", "upgrade")
    assert "were compared" not in again.err  # type: ignore[attr-defined]


def test_a_lost_picture_is_told_and_stays_uncompared(old: Workspace, cli: Callable[..., object]) -> None:
    """The others are compared, the command names the picture, and the next upgrade tries again."""
    with old.database.reading() as session:
        view = session.scalars(select(View).order_by(View.number)).first()
        assert view is not None
    old.store._path(view.picture_sha256).unlink()
    done = cli("db", "upgrade")
    assert (done.code, view.picture_sha256[:12] in done.err) == (1, True)  # type: ignore[attr-defined]
    with old.database.reading() as session:
        assert len(old.find_uncompared(session)) == 1


def test_what_a_fast_service_registered_is_compared_by_all_stages(
    workspace: Workspace, cli: Callable[..., object]
) -> None:
    """A service with AUTHCHECK_FAST misses a turned copy. Without the setting, the upgrade finds it, once."""
    fast = replace(workspace, policy=FAST_POLICY)
    make.register(fast, OWN, owner="brand", pictures=[make.encode(make.fixture(OWN))])
    assert make.register(fast, "COPY", owner="rival", pictures=[turned(34)]).status == "registered"
    same = make.register(
        fast, "SAME", owner="rival", pictures=[make.encode(make.fixture(OWN), "JPEG", quality=80)]
    )
    assert same.status == "disputed"
    with workspace.database.reading() as session:
        assert (len(fast.find_uncompared(session)), len(workspace.find_uncompared(session))) == (0, 3)
    assert cli("db", "upgrade").code == 0  # type: ignore[attr-defined]
    with workspace.database.reading() as session:
        assert len(workspace.find_uncompared(session)) == 0
        later = [dispute.design.reference for dispute in disputes.list_disputes(session)]
        assert sorted(later) == ["COPY", "SAME"]
