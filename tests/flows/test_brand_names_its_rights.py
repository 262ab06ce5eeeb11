"""Flow: a brand names the rights in a design, and the operator accepts or refuses them."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import make
import pytest

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.files.documents import Document
from authcheck.licences import design_rights as rights
from authcheck.licences.design_rights import NewRight
from authcheck.licences.right_tables import DesignRight
from authcheck.registry import designs
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
NOW = make.NOW
TODAY = NOW.date()
EUIPO = {
    "kind": "registered_design",
    "number": "008123456-0001",
    "office": "EUIPO",
    "territories": ("FR", "it"),
}
PAPER = Document(b"%PDF-1.7", "application/pdf")


def add(work: Workspace, design: Design, document: Document | None = None, **words: Any) -> DesignRight:
    """Name a right in a design. Keywords replace the defaults."""
    new = NewRight(**{**EUIPO, **words})
    with work.database.writing() as session:
        row = designs.get_design(session, design.id)
        return rights.add(session, row, new, document, NOW)


@pytest.fixture
def kite(workspace: Workspace) -> Design:
    """Return a design of acme."""
    return make.register(workspace, "KITE", seed=1).design


def test_a_right_waits_and_is_accepted(workspace: Workspace, kite: Design) -> None:
    """Number, countries and classes have one spelling. An accepted right is in force until its day."""
    row = add(
        workspace,
        kite,
        PAPER,
        number=" 008123456-0001 ",
        classes=(25, 9, 25),
        expires_on=TODAY + timedelta(20),
    )
    assert (row.state, row.number, row.territories, row.classes) == (
        "in_review",
        "008123456-0001",
        ["FR", "IT"],
        [9, 25],
    )
    assert (row.document_sha256, row.document_type) == (PAPER.sha256, "application/pdf")
    assert not rights.is_in_force(row, TODAY)
    with workspace.database.writing() as session:
        row = rights.get_right(session, row.id)
        rights.accept(session, row, NOW)
    assert rights.is_in_force(row, TODAY + timedelta(20))
    assert not rights.is_in_force(row, TODAY + timedelta(21))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"kind": "dream"}, "right.kind"),
        ({"number": ""}, "right.number"),
        ({"number": "8;DROP"}, "right.number"),
        ({"number": "1" * 65}, "right.number"),
        ({"office": ""}, "right.office"),
        ({"office": "x" * 41}, "right.office"),
        ({"kind": "copyright", "number": "", "office": "EUIPO"}, "right.office"),
        ({"territories": ()}, "right.territory"),
        ({"territories": ("Atlantis",)}, "right.territory"),
        ({"territories": ("worldwide",)}, "right.territory"),
        ({"classes": (0,)}, "right.classes"),
        ({"expires_on": TODAY - timedelta(1)}, "right.expired"),
    ],
)
def test_a_bad_right_is_refused(workspace: Workspace, kite: Design, words: dict[str, Any], code: str) -> None:
    """No territory, no number, ended already: each by its code."""
    with pytest.raises(Rejected) as refused:
        add(workspace, kite, **words)
    assert refused.value.code == code


def test_a_copyright_needs_no_number(workspace: Workspace, kite: Design) -> None:
    """It needs countries alone."""
    assert add(workspace, kite, kind="copyright", number="", office="").number == ""


def test_a_number_belongs_to_one_owner(workspace: Workspace, kite: Design) -> None:
    """Another owner's number is refused once it is accepted, however it is written. The own one counts once a design."""
    first = add(workspace, kite)
    other = make.register(workspace, "OTHER", owner="globex", seed=2).design
    with workspace.database.writing() as session:
        rights.accept(session, rights.get_right(session, first.id), NOW)
    with pytest.raises(Conflict) as taken:
        add(workspace, other, number="008123456-0001", office="euipo")
    with pytest.raises(Conflict) as again:
        add(workspace, kite)
    assert (taken.value.code, again.value.code) == ("right.taken", "right.exists")
    assert add(workspace, make.register(workspace, "KITE-2", seed=3).design).id != first.id, (
        "a family shares a number"
    )
    assert add(workspace, other, kind="trade_mark").state == "in_review", "another register"
    with workspace.database.writing() as session:
        for row in rights.list_rights(session, first.owner_id):
            rights.withdraw(session, row, NOW)
    assert add(workspace, other).state == "in_review"


def test_naming_a_number_first_keeps_it_from_nobody(workspace: Workspace, kite: Design) -> None:
    """Two owners who name one number wait side by side. The operator sees both, and accepts one of them."""
    other = make.register(workspace, "OTHER", owner="globex", seed=2).design
    squatter, owner = add(workspace, other, office="euipo"), add(workspace, kite)
    with workspace.database.writing() as session:
        squatting, owning = (rights.get_right(session, row.id) for row in (squatter, owner))
        assert [row.owner.handle for row in rights.list_rivals(session, owning)] == ["globex"]
        assert [row.owner.handle for row in rights.list_rivals(session, squatting)] == ["acme"]
        rights.accept(session, owning, NOW)
        with pytest.raises(Conflict) as taken:
            rights.accept(session, squatting, NOW)
        assert taken.value.code == "right.taken"
        rights.refuse(session, owning, "The document is forged.", NOW)
        rights.accept(session, squatting, NOW)
        with pytest.raises(Conflict):
            rights.accept(session, owning, NOW)


def test_the_operator_decides_with_a_reason(workspace: Workspace, kite: Design) -> None:
    """A refusal says why, may follow an acceptance, and can be taken back. What is withdrawn stays so."""
    row = add(workspace, kite)

    def act(name: str, *words: Any) -> None:
        with workspace.database.writing() as session:
            getattr(rights, name)(session, rights.get_right(session, row.id), *words, NOW)

    with pytest.raises(Rejected):
        act("refuse", " ")
    act("accept")
    with pytest.raises(Conflict) as twice:
        act("accept")
    assert twice.value.code == "right.state"
    act("refuse", "The office cancelled it.")
    with workspace.database.reading() as session:
        found = rights.get_right(session, row.id)
        assert (found.state, found.reason) == ("refused", "The office cancelled it.")
    act("accept")
    act("withdraw")
    act("withdraw")
    with pytest.raises(Conflict):
        act("accept")


@pytest.mark.parametrize(
    ("days", "expected"), [(91, None), (90, 90), (31, 90), (30, 30), (8, 30), (7, 7), (0, 7), (-1, 0)]
)
def test_the_end_is_warned_of(workspace: Workspace, kite: Design, days: int, expected: int | None) -> None:
    """90, 30 and 7 days before, and when it is over."""
    row = add(workspace, kite, expires_on=date(2030, 1, 1))
    assert rights.warning_of(row, date(2030, 1, 1) - timedelta(days)) == expected
    row.state = "withdrawn"
    assert rights.warning_of(row, date(2030, 1, 1)) is None


def test_others_rights_are_not_there(workspace: Workspace, kite: Design) -> None:
    """An owner reads the own rights, the operator all."""
    row = add(workspace, kite)
    with workspace.database.reading() as session:
        with pytest.raises(NotFound):
            rights.get_right(session, row.id, owner_id="org_x")
        assert rights.list_rights(session, "org_x") == []
        assert [one.id for one in rights.list_rights(session, None, state="in_review")] == [row.id]


def test_a_design_has_so_many_rights(
    workspace: Workspace, kite: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a limit, and a retired design gets none."""
    monkeypatch.setattr(rights, "MOST_RIGHTS", 2)
    for number in ("1", "2"):
        add(workspace, kite, number=number)
    with pytest.raises(Conflict) as full:
        add(workspace, kite, number="3")
    with workspace.database.writing() as session:
        designs.retire(session, designs.get_design(session, kite.id), NOW)
    with pytest.raises(Conflict) as retired:
        add(workspace, kite, number="4")
    assert (full.value.code, retired.value.code) == ("right.too_many", "design.retired")


def test_the_commands(cli: Any, workspace: Workspace, tmp_path: Path) -> None:
    """The same at the command line."""
    make.register(workspace, "KITE", seed=1)
    (tmp_path / "paper.png").write_bytes(make.picture_bytes(2))
    named = ("rights", "add", "KITE", "--org", "acme", "--kind", "trade_mark", "--territories", "FR")
    added = cli(*named, "--number", "1234", "--office", "INPI", "--document", tmp_path / "paper.png")
    assert added.code == 0, added.err
    right_id = added.out.strip()
    assert "in_review  acme KITE trade_mark INPI 1234" in cli("rights", "list", "--org", "acme").out
    assert cli("rights", "accept", right_id).code == 0
    assert cli("rights", "refuse", right_id, "--reason", "cancelled").code == 0
    (listed,) = cli("rights", "list", "--state", "refused", "--json").objects
    assert (listed["id"], listed["reason"]) == (right_id, "cancelled")
    assert cli(*named).code == 2
