"""Organisations apply, prove their domains, and are approved, refused or suspended."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision. Everybody who is here was added by the operator: approved."""
    for column in (
        sa.Column("state", sa.String(length=10), nullable=True),
        sa.Column("state_reason", sa.String(length=500), nullable=True),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("organisations", column)
    op.execute(
        "UPDATE organisations SET state = 'approved', state_reason = '', state_since = created_at,"
        " approved_at = created_at"
    )
    op.create_table(
        "applications",
        sa.Column("link_id", sa.String(length=40), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.PrimaryKeyConstraint("link_id", name="pk_applications"),
        sa.ForeignKeyConstraint(
            ["link_id"],
            ["one_time_links.id"],
            name="fk_applications_link_id_one_time_links",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "domains",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("code", sa.String(length=43), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("method", sa.String(length=4), nullable=False),
        sa.Column("problem", sa.String(length=40), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_domains"),
        sa.UniqueConstraint("organisation_id", "domain", name="uq_domains_organisation_id_domain"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_domains_organisation_id_organisations"
        ),
    )
    op.create_index("ix_domains_domain", "domains", ["domain"])
