"""What brands tell buyers: how to reach them, and texts and pictures of products."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    for name, length in (("contact_url", 300), ("contact_email", 254)):
        op.add_column("organisations", sa.Column(name, sa.String(length=length), nullable=True))
    op.execute("UPDATE organisations SET contact_url = '', contact_email = ''")
    op.create_table(
        "product_pages",
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("gtin", sa.String(length=14), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "gtin", name="pk_product_pages"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_product_pages_organisation_id_organisations"
        ),
    )
    op.create_table(
        "product_pictures",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("gtin", sa.String(length=14), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_product_pictures"),
        sa.UniqueConstraint(
            "organisation_id", "gtin", "sha256", name="uq_product_pictures_organisation_id_gtin_sha256"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_product_pictures_organisation_id_organisations",
        ),
    )
