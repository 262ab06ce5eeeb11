"""Revocations that wait for a minute, and what counts the certificates of a batch by state."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_index("ix_batches_organisation_id_id", "batches", ["organisation_id", "id"])
    op.create_index("ix_certificates_batch_id_state", "certificates", ["batch_id", "state"])
    name = "planned_revocations"
    op.create_table(
        name,
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("batch_id", sa.String(length=40), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_planned_revocations"),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_planned_revocations_organisation_id_organisations",
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_planned_revocations_batch_id_batches"),
    )
    op.create_index(f"ix_{name}_organisation_id_batch_id", name, ["organisation_id", "batch_id"])
    op.create_index(f"ix_{name}_state_due_at", name, ["state", "due_at"])
