"""Mails that events cause, the language of people, and which end of a right its owner was warned of."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("people", sa.Column("language", sa.String(length=16), nullable=True))
    op.add_column("design_rights", sa.Column("warned_days", sa.Integer(), nullable=True))
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("page", sa.String(length=200), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_notifications_person_id_people"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_notifications_organisation_id_organisations"
        ),
    )
    op.create_index("ix_notifications_person_id_kind", "notifications", ["person_id", "kind"])
    op.create_index("ix_notifications_sent_at", "notifications", ["sent_at"])
