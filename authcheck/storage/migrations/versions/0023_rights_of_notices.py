"""The right that a notice names."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    with op.batch_alter_table("notices") as notices:
        notices.add_column(sa.Column("right_id", sa.String(length=40), nullable=True))
        notices.create_foreign_key("fk_notices_right_id_design_rights", "design_rights", ["right_id"], ["id"])
        notices.create_index("ix_notices_right_id", ["right_id"])
