"""Local features of views, negative pictures, several findings a check."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision.

    `authcheck db upgrade` then extracts the features of what is registered.
    """
    op.create_table(
        "view_features",
        sa.Column(
            "view_number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("scheme", sa.String(length=20), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.Column("mask", sa.LargeBinary(), nullable=True),
        sa.Column("mask_source", sa.String(length=20), nullable=True),
        sa.Column("findability", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["view_number"], ["views.number"], name="fk_view_features_view_number_views"),
        sa.PrimaryKeyConstraint("view_number", name="pk_view_features"),
    )
    op.create_index("ix_view_features_scheme", "view_features", ["scheme"], unique=False)
    op.create_table(
        "view_embeddings",
        sa.Column(
            "view_number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("added_tick", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["view_number"], ["views.number"], name="fk_view_embeddings_view_number_views"
        ),
        sa.PrimaryKeyConstraint("view_number", "model", name="pk_view_embeddings"),
    )
    op.create_index(
        "ix_view_embeddings_model_added_tick", "view_embeddings", ["model", "added_tick"], unique=False
    )
    op.create_table(
        "negative_pictures",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("picture_sha256", sa.String(length=64), nullable=False),
        sa.Column("scheme", sa.String(length=20), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_tick", sa.BigInteger(), nullable=False),
        sa.Column("removed_tick", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["organisations.id"], name="fk_negative_pictures_owner_id_organisations"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_negative_pictures"),
    )
    for column in ("added_tick", "picture_sha256", "removed_tick"):
        op.create_index(f"ix_negative_pictures_{column}", "negative_pictures", [column], unique=False)
    for column in ("looks", "findings"):
        op.add_column("checks", sa.Column(column, sa.JSON(), nullable=False, server_default="[]"))
    op.add_column(
        "registry_clock", sa.Column("registry_id", sa.String(length=40), nullable=False, server_default="")
    )
    registry_id = f"reg_{secrets.token_hex(13).upper()}"
    op.execute(sa.text("UPDATE registry_clock SET registry_id = :id").bindparams(id=registry_id))
    for table, column in (("checks", "looks"), ("checks", "findings"), ("registry_clock", "registry_id")):
        with op.batch_alter_table(table) as batch:  # the default was for the rows that were there
            batch.alter_column(column, server_default=None)
