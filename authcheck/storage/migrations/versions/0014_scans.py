"""Scans of labels, the alerts that they raise, and what issuers say about units and batches."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    _make_sessions()
    _make_alerts()
    _make_facts()


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}_{target}")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _make_sessions() -> None:
    name = "scan_sessions"
    op.create_table(
        name,
        _text("id", 40),
        _text("certificate_id", 40),
        _text("batch_id", 40),
        _text("organisation_id", 40),
        _text("owner_id", 40),
        _text("visit", 40),
        _text("visitor", 32),
        _text("network", 32),
        _text("country", 2),
        _text("region", 6),
        _text("cell", 8),
        _time("started_at"),
        _time("last_at"),
        sa.Column("requests", sa.Integer(), nullable=False),
        _text("way", 10),
        _text("advice", 12),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scan_sessions"),
        sa.UniqueConstraint("certificate_id", "visit", name="uq_scan_sessions_certificate_id_visit"),
        _key(name, "certificate_id", "certificates"),
        _key(name, "batch_id", "batches"),
        _key(name, "organisation_id", "organisations"),
        _key(name, "owner_id", "organisations"),
    )
    _index(name, "certificate_id", "started_at")
    _index(name, "organisation_id", "id")
    _index(name, "owner_id", "id")
    _index(name, "batch_id", "started_at")
    _index(name, "network", "started_at")
    _index(name, "started_at")
    _index(name, "visitor")


def _make_alerts() -> None:
    name = "scan_alerts"
    op.create_table(
        name,
        _text("id", 40),
        _text("organisation_id", 40),
        _text("owner_id", 40),
        _text("kind", 20),
        _text("subject", 64),
        _text("certificate_id", 40, nullable=True),
        _text("batch_id", 40, nullable=True),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("is_grave", sa.Boolean(), nullable=False),
        _text("state", 10),
        _time("opened_at"),
        _time("last_at"),
        _time("decided_at", nullable=True),
        _text("decided_by", 64),
        _text("why", 500),
        _time("carried_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_scan_alerts"),
        sa.UniqueConstraint(
            "organisation_id", "kind", "subject", name="uq_scan_alerts_organisation_id_kind_subject"
        ),
        _key(name, "organisation_id", "organisations"),
        _key(name, "owner_id", "organisations"),
        _key(name, "certificate_id", "certificates"),
        _key(name, "batch_id", "batches"),
    )
    _index(name, "owner_id", "id")
    _index(name, "carried_at")
    _index(name, "certificate_id")


def _make_facts() -> None:
    op.create_table(
        "unit_marks",
        _text("certificate_id", 40),
        _text("kind", 10),
        _time("marked_at"),
        _text("marked_by", 64),
        _text("reason", 20),
        _text("visitor", 32),
        _text("secret_sha256", 64),
        sa.PrimaryKeyConstraint("certificate_id", "kind", name="pk_unit_marks"),
        _key("unit_marks", "certificate_id", "certificates"),
    )
    op.create_table(
        "pin_attempts",
        _text("certificate_id", 40),
        sa.Column("wrong", sa.Integer(), nullable=False),
        _time("last_at"),
        sa.PrimaryKeyConstraint("certificate_id", name="pk_pin_attempts"),
        _key("pin_attempts", "certificate_id", "certificates"),
    )
    op.create_table(
        "batch_expectations",
        _text("batch_id", 40),
        sa.Column("markets", sa.JSON(), nullable=False),
        sa.Column("use_by", sa.Date(), nullable=True),
        _time("said_at"),
        sa.PrimaryKeyConstraint("batch_id", name="pk_batch_expectations"),
        _key("batch_expectations", "batch_id", "batches"),
    )
