"""Rights in designs: kind, number, office, territories, classes, expiry, document, and the decision."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "design_rights",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("design_id", sa.String(length=40), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("office", sa.String(length=40), nullable=False),
        sa.Column("territories", sa.JSON(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("document_type", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_design_rights"),
        sa.ForeignKeyConstraint(["design_id"], ["designs.id"], name="fk_design_rights_design_id_designs"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["organisations.id"], name="fk_design_rights_owner_id_organisations"
        ),
    )
    op.create_index("ix_design_rights_design_id", "design_rights", ["design_id"])
    op.create_index("ix_design_rights_owner_id_id", "design_rights", ["owner_id", "id"])
    op.create_index("ix_design_rights_state_id", "design_rights", ["state", "id"])
    op.create_index("ix_design_rights_number", "design_rights", ["number"])
