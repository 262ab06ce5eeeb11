"""Sums of scans by day, and whether a scan was outside the markets of its batch."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision. Nobody knows the markets of earlier scans at their time."""
    op.add_column("scan_sessions", sa.Column("off_market", sa.Boolean(), nullable=True))
    op.create_index("ix_scan_sessions_owner_id_country_id", "scan_sessions", ["owner_id", "country", "id"])
    op.create_table(
        "scan_days",
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("advice", sa.String(length=12), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("sessions", "requests", "first", "outside", "located")
        ),
        sa.PrimaryKeyConstraint(
            "organisation_id", "day", "owner_id", "country", "advice", "counted", name="pk_scan_days"
        ),
        *(
            sa.ForeignKeyConstraint([name], ["organisations.id"], name=f"fk_scan_days_{name}_organisations")
            for name in ("organisation_id", "owner_id")
        ),
    )
    op.create_index("ix_scan_days_owner_id_day", "scan_days", ["owner_id", "day"])
    op.create_table(
        "scan_firsts",
        sa.Column("batch_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "day", name="pk_scan_firsts"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_scan_firsts_batch_id_batches"),
    )
    op.create_table(
        "scan_closings",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_scan_closings"),
    )
