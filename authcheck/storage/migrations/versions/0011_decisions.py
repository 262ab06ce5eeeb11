"""Decisions of cases, and cases that wait for information."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CASE_TIMES = ("asked_at", "waits_since", "waits_until", "closes_at")


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def upgrade() -> None:
    """Bring the tables to this revision."""
    for name in CASE_TIMES:
        op.add_column("cases", _time(name))
    is_leased = sa.text("lease_holder IS NOT NULL")
    op.create_index(
        "ix_cases_lease_holder", "cases", ["lease_holder"], sqlite_where=is_leased, postgresql_where=is_leased
    )
    op.create_index("ix_cases_state_waits_until", "cases", ["state", "waits_until"])
    op.create_index("ix_cases_state_closes_at", "cases", ["state", "closes_at"])
    # The default stays: SQLite would have to replace the table, which the rows of timelines refer to.
    op.add_column("cases", sa.Column("weights", sa.String(length=60), nullable=False, server_default="none"))
    op.add_column("case_items", sa.Column("included", sa.Boolean(), nullable=True))
    op.create_table(
        "case_decisions",
        _text("id", 40),
        _text("case_id", 40),
        _text("code", 30),
        _text("reason", 40),
        _text("restriction", 10),
        sa.Column("note", sa.Text(), nullable=False),
        _text("holder", 64),
        _text("person_id", 40, nullable=True),
        _text("bulk_id", 40, nullable=True),
        _text("state_before", 20),
        _time("decided_at", nullable=False),
        _time("leaves_at", nullable=False),
        _time("undone_at"),
        _time("effective_at"),
        _time("reversed_at"),
        _text("owner_answer", 10, nullable=True),
        _time("owner_answered_at"),
        sa.PrimaryKeyConstraint("id", name="pk_case_decisions"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_decisions_case_id_cases"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_case_decisions_person_id_people"),
    )
    op.create_index("ix_case_decisions_case_id", "case_decisions", ["case_id"])
    op.create_index("ix_case_decisions_bulk_id", "case_decisions", ["bulk_id"])
    op.create_index(
        "ix_case_decisions_effective_at_leaves_at", "case_decisions", ["effective_at", "leaves_at"]
    )
