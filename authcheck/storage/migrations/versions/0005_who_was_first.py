"""Disputes of single views that can end, and the standing of views."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    with op.batch_alter_table("views") as table:
        table.add_column(sa.Column("standing", sa.String(length=10), nullable=False, server_default="clear"))
        table.add_column(sa.Column("since", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("compared_by", sa.String(length=40), nullable=True))
    with op.batch_alter_table("disputes") as table:
        table.add_column(sa.Column("picture_sha256", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("other_picture_sha256", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("verdict", sa.String(length=20), nullable=False, server_default="match"))
        table.add_column(sa.Column("holds_design", sa.Boolean(), nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("ended_tick", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("ended_by", sa.String(length=20), nullable=True))
        table.add_column(sa.Column("reason", sa.String(length=1000), nullable=True))
    for name, columns in (("views", ["standing"]), ("disputes", ["verdict", "holds_design"])):
        with op.batch_alter_table(name) as table:
            for column in columns:
                table.alter_column(column, server_default=None)
    _number_views_again()


def _number_views_again() -> None:
    """Let a view whose mask was changed keep the place of its picture's first view in the design."""
    op.execute(
        sa.text(
            "UPDATE views SET since = (SELECT min(earlier.number) FROM views AS earlier"
            " WHERE earlier.design_id = views.design_id AND earlier.picture_sha256 = views.picture_sha256)"
            " WHERE EXISTS (SELECT 1 FROM views AS replaced WHERE replaced.design_id = views.design_id"
            " AND replaced.picture_sha256 = views.picture_sha256"
            " AND replaced.removed_tick = views.added_tick)"
        )
    )
