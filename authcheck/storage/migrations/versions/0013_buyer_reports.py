"""Reports of buyers, and listings that are found by their address."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision. Listings of earlier releases get their key when handed in again."""
    op.add_column("listings", sa.Column("url_key", sa.String(length=64), nullable=True))
    op.create_index("ix_listings_url_key", "listings", ["url_key"])
    op.create_table(
        "buyer_reports",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("listing_id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("verdict", sa.String(length=30), nullable=False),
        sa.Column("claim", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("was_decided", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_buyer_reports"),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name="fk_buyer_reports_listing_id_listings"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_buyer_reports_case_id_cases"),
    )
    op.create_index("ix_buyer_reports_case_id", "buyer_reports", ["case_id"])
    op.create_index("ix_buyer_reports_listing_id", "buyer_reports", ["listing_id"])
