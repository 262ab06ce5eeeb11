"""Notices of brands, and hits: the listings that show a brand's designs."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}_{target}")


def upgrade() -> None:
    """Bring the tables to this revision."""
    _make_notices()
    _make_hits()
    _note_hits()


def _make_notices() -> None:
    op.create_table(
        "notices",
        _text("id", 40),
        _text("organisation_id", 40),
        _text("design_id", 40),
        _text("claim", 30),
        sa.Column("note", sa.Text(), nullable=True),
        _text("statements", 20),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        _text("filed_by", 64),
        _text("agent_id", 40, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        _key("notices", "organisation_id", "organisations"),
        _key("notices", "design_id", "designs"),
        _key("notices", "agent_id", "organisations"),
    )
    op.create_index("ix_notices_organisation_id_id", "notices", ["organisation_id", "id"])
    op.create_index("ix_notices_design_id", "notices", ["design_id"])
    op.create_table(
        "notice_rows",
        _text("notice_id", 40),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("named", 200),
        _text("reference", 200),
        _text("marketplace", 200),
        _text("listing_id", 40, nullable=True),
        _text("case_id", 40, nullable=True),
        _text("verdict", 30, nullable=True),
        _text("code", 40, nullable=True),
        _text("detail", 500, nullable=True),
        sa.PrimaryKeyConstraint("notice_id", "number", name="pk_notice_rows"),
        _key("notice_rows", "notice_id", "notices"),
        _key("notice_rows", "listing_id", "listings"),
        _key("notice_rows", "case_id", "cases"),
    )
    op.create_index("ix_notice_rows_listing_id_case_id", "notice_rows", ["listing_id", "case_id"])
    op.create_index("ix_notice_rows_case_id", "notice_rows", ["case_id"])


def _make_hits() -> None:
    op.create_table(
        "hits",
        _text("id", 40),
        _text("listing_id", 40),
        _text("design_id", 40),
        _text("owner_id", 40),
        _text("organisation_id", 40),
        _text("channel", 64),
        _text("seller", 100),
        _text("territory", 10),
        sa.Column("listed_on", sa.Date(), nullable=False),
        _text("verdict", 30),
        _text("cluster_id", 40, nullable=True),
        _text("grouped_by", 40),
        _text("case_id", 40, nullable=True),
        _text("notice_id", 40, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_hits"),
        sa.UniqueConstraint("listing_id", "design_id", name="uq_hits_listing_id_design_id"),
        _key("hits", "listing_id", "listings"),
        _key("hits", "design_id", "designs"),
        _key("hits", "owner_id", "organisations"),
        _key("hits", "organisation_id", "organisations"),
        _key("hits", "cluster_id", "picture_clusters"),
        _key("hits", "case_id", "cases"),
        _key("hits", "notice_id", "notices"),
    )
    op.create_index("ix_hits_owner_id_id", "hits", ["owner_id", "id"])
    op.create_index("ix_hits_owner_id_organisation_id", "hits", ["owner_id", "organisation_id"])
    for name, first in (("ix_hits_of_owner", "owner_id"), ("ix_hits_of_design", "design_id")):
        op.create_index(name, "hits", [first, "grouped_by", "id", "verdict", "seller"])


def _note_hits() -> None:
    """Note the hits of listings that are stored already: of the design that the listing's verdict names.

    The other designs in their pictures, and their clusters, are noted when the listing is handed in again. A
    design that only the certificate names is not in the pictures.
    """
    op.execute("""
        INSERT INTO hits (id, listing_id, design_id, owner_id, organisation_id, channel, seller, territory,
                          listed_on, verdict, cluster_id, grouped_by, case_id, notice_id)
        SELECT 'hit_' || substr(listings.id, 5), listings.id, designs.id, designs.owner_id, organisations.id,
               listings.channel, listings.seller, listings.territory, listings.listed_on, listings.verdict,
               NULL, listings.id,
               (SELECT max(cases.id) FROM cases JOIN case_items ON case_items.case_id = cases.id
                WHERE case_items.listing_id = listings.id AND cases.design_id = designs.id),
               NULL
        FROM listings
        JOIN designs ON designs.id = listings.design_id
        JOIN organisations ON organisations.id = listings.organisation_id
        WHERE listings.verdict <> 'none'
          AND CAST(listings.evidence AS TEXT) LIKE '%"designs": [{%'
          AND (organisations.id = designs.owner_id
               OR CAST(organisations.roles AS TEXT) LIKE '%"marketplace"%')
    """)
