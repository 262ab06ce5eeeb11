"""Details of listings for the people who decide cases, comparable prices, and holds on evidence."""

import re
from decimal import Decimal

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 1000
PRICE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,4})?) ([A-Z]{3})")


def upgrade() -> None:
    """Bring the tables to this revision."""
    for column in (
        sa.Column("price_amount", sa.Numeric(16, 4), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("url", sa.String(length=2000), nullable=True),
        sa.Column("title", sa.String(length=500), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("seller_name", sa.String(length=200), nullable=True),
        sa.Column("gtin", sa.String(length=14), nullable=True),
        sa.Column("sold_30d", sa.BigInteger(), nullable=True),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.Column("rank", sa.BigInteger(), nullable=True),
        sa.Column("query", sa.String(length=500), nullable=True),
        sa.Column("remarks", sa.JSON(), nullable=True),
    ):
        op.add_column("listings", column)
    _fill_prices()
    _make_holds()


def _fill_prices() -> None:
    """Read amount and currency from the stored texts, in steps of the primary key. Skip any other text."""
    listings = sa.table(
        "listings",
        sa.column("id", sa.String),
        sa.column("price", sa.String),
        sa.column("price_amount", sa.Numeric(16, 4)),
        sa.column("currency", sa.String),
    )
    rows = (
        sa.select(listings.c.id, listings.c.price)
        .where(listings.c.price.is_not(None))
        .order_by(listings.c.id)
        .limit(ROWS_AT_ONCE)
    )
    fill = (
        sa.update(listings)
        .where(listings.c.id == sa.bindparam("row"))
        .values(price_amount=sa.bindparam("amount"), currency=sa.bindparam("code"))
    )
    connection, last = op.get_bind(), ""
    while chunk := connection.execute(rows.where(listings.c.id > last)).all():
        last = chunk[-1].id
        prices = [(row.id, PRICE.fullmatch(row.price)) for row in chunk]
        values = [
            {"row": row_id, "amount": Decimal(price[1]), "code": price[2]}
            for row_id, price in prices
            if price
        ]
        if values:
            connection.execute(fill, values)


def _make_holds() -> None:
    op.create_table(
        "evidence_holds",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("listing_id", sa.String(length=40), nullable=False),
        sa.Column("listing", sa.JSON(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_holds"),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name="fk_evidence_holds_listing_id_listings"
        ),
    )
    op.create_index("ix_evidence_holds_case_id", "evidence_holds", ["case_id"])
    op.create_index("ix_evidence_holds_listing_id", "evidence_holds", ["listing_id"])
    op.create_index("ix_evidence_holds_until", "evidence_holds", ["until"])
    op.create_table(
        "held_pictures",
        sa.Column("hold_id", sa.String(length=40), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("check_id", sa.String(length=40), nullable=False),
        sa.Column("picture_sha256", sa.String(length=64), nullable=False),
        sa.Column("has_copy", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("hold_id", "place", name="pk_held_pictures"),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["evidence_holds.id"], name="fk_held_pictures_hold_id_evidence_holds"
        ),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name="fk_held_pictures_check_id_checks"),
    )
    op.create_index("ix_held_pictures_check_id", "held_pictures", ["check_id"])
    op.create_index("ix_held_pictures_picture_sha256", "held_pictures", ["picture_sha256"])
