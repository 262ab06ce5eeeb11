"""Salts of the hashes in the ledger. Entries that exist already have none, so their rows have none."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SALTS = {"organisations": ["salt"], "designs": ["salt"], "licences": ["offered_salt", "accepted_salt"]}


def upgrade() -> None:
    """Bring the tables to this revision."""
    for table, columns in SALTS.items():
        for column in columns:
            op.add_column(table, sa.Column(column, sa.String(length=32), nullable=True))
