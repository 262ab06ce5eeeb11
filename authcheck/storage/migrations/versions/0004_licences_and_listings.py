"""Licences, storefronts, listings; certificates under a licence; designs in collections."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "licences",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("series", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=False),
        sa.Column("licensee_id", sa.String(length=40), nullable=False),
        sa.Column("parent_id", sa.String(length=40), nullable=True),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revocation_reason", sa.String(length=40), nullable=True),
        sa.Column("offered_entry", sa.BigInteger(), nullable=False),
        sa.Column("accepted_entry", sa.BigInteger(), nullable=True),
        sa.Column("revoked_entry", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["licensee_id"], ["organisations.id"], name="fk_licences_licensee_id_organisations"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["organisations.id"], name="fk_licences_owner_id_organisations"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["licences.id"], name="fk_licences_parent_id_licences"),
        sa.PrimaryKeyConstraint("id", name="pk_licences"),
        sa.UniqueConstraint("series", "version", name="uq_licences_series_version"),
    )
    op.create_index("ix_licences_licensee_id_id", "licences", ["licensee_id", "id"], unique=False)
    op.create_index("ix_licences_owner_id_id", "licences", ["owner_id", "id"], unique=False)
    op.create_index("ix_licences_parent_id", "licences", ["parent_id"], unique=False)
    op.create_table(
        "listing_imports",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_listing_imports_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_listing_imports"),
    )
    op.create_index(
        "ix_listing_imports_organisation_id_id", "listing_imports", ["organisation_id", "id"], unique=False
    )
    op.create_table(
        "storefronts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("marketplace", sa.String(length=64), nullable=False),
        sa.Column("shop_id", sa.String(length=100), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_storefronts_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_storefronts"),
    )
    op.create_index(
        "ix_storefronts_marketplace_shop_id", "storefronts", ["marketplace", "shop_id"], unique=False
    )
    op.create_index(
        "ix_storefronts_organisation_id_id", "storefronts", ["organisation_id", "id"], unique=False
    )
    op.create_table(
        "licence_subjects",
        sa.Column("licence_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["licence_id"], ["licences.id"], name="fk_licence_subjects_licence_id_licences"
        ),
        sa.PrimaryKeyConstraint("licence_id", "kind", "value", name="pk_licence_subjects"),
    )
    op.create_index("ix_licence_subjects_kind_value", "licence_subjects", ["kind", "value"], unique=False)
    op.create_table(
        "listing_import_rows",
        sa.Column("import_id", sa.String(length=40), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("given", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["listing_imports.id"], name="fk_listing_import_rows_import_id_listing_imports"
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name="pk_listing_import_rows"),
    )
    op.create_table(
        "listings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=True),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("seller", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=10), nullable=False),
        sa.Column("goods", sa.JSON(), nullable=False),
        sa.Column("price", sa.String(length=40), nullable=True),
        sa.Column("listed_on", sa.Date(), nullable=False),
        sa.Column("certificate_code", sa.String(length=20), nullable=True),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy", sa.String(length=40), nullable=False),
        sa.Column("verdict", sa.String(length=30), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("design_id", sa.String(length=40), nullable=True),
        sa.Column("licence_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["design_id"], ["designs.id"], name="fk_listings_design_id_designs"),
        sa.ForeignKeyConstraint(["licence_id"], ["licences.id"], name="fk_listings_licence_id_licences"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_listings_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_listings"),
        sa.UniqueConstraint("organisation_id", "reference", name="uq_listings_organisation_id_reference"),
    )
    op.create_index("ix_listings_certificate_code", "listings", ["certificate_code"], unique=False)
    op.create_index("ix_listings_channel_seller", "listings", ["channel", "seller"], unique=False)
    op.create_index("ix_listings_design_id", "listings", ["design_id"], unique=False)
    op.create_index("ix_listings_licence_id", "listings", ["licence_id"], unique=False)
    op.create_index("ix_listings_organisation_id_id", "listings", ["organisation_id", "id"], unique=False)
    op.create_index("ix_listings_verdict", "listings", ["verdict"], unique=False)
    op.create_table(
        "listing_pictures",
        sa.Column("listing_id", sa.String(length=40), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("check_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name="fk_listing_pictures_check_id_checks"),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name="fk_listing_pictures_listing_id_listings"
        ),
        sa.PrimaryKeyConstraint("listing_id", "place", name="pk_listing_pictures"),
    )
    op.create_index("ix_listing_pictures_check_id", "listing_pictures", ["check_id"], unique=False)
    # In one statement: SQLite adds a reference with its column or not at all.
    op.execute(
        "ALTER TABLE batches ADD COLUMN licence_id VARCHAR(40) "
        "CONSTRAINT fk_batches_licence_id_licences REFERENCES licences (id)"
    )
    op.create_index("ix_batches_licence_id", "batches", ["licence_id"], unique=False)
    op.add_column("designs", sa.Column("collection", sa.String(length=200), nullable=True))
    op.create_index("ix_designs_owner_id_collection", "designs", ["owner_id", "collection"], unique=False)
