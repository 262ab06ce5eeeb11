"""Words of designs for searches, hits by day, and the files that people drop to register designs."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
ROWS_AT_ONCE = 1_000
COLUMNS_OF_INDEXES = (
    ("drop_id", "sha256"),
    ("drop_id", "state", "number"),
    ("state", "drop_id"),
    ("seen", "state"),
)


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("designs", sa.Column("words", sa.Text(), nullable=True))
    _fill_words()
    op.create_index("ix_designs_owner_id_id", "designs", ["owner_id", "id"])
    op.create_index("ix_hits_by_day", "hits", ["owner_id", "design_id", "listed_on", "verdict", "territory"])
    _make_drops()
    _make_drop_files()


def _fill_words() -> None:
    designs = sa.table("designs", *map(sa.column, ("id", "title", "reference", "collection", "words")))
    columns = (designs.c.id, designs.c.title, designs.c.reference, designs.c.collection)
    after = ""
    while True:
        page = sa.select(*columns).where(designs.c.id > after).order_by(designs.c.id).limit(ROWS_AT_ONCE)
        rows = op.get_bind().execute(page).all()
        if not rows:
            return
        change = sa.update(designs).where(designs.c.id == sa.bindparam("key"))
        op.get_bind().execute(
            change.values(words=sa.bindparam("text")),
            [{"key": key, "text": _searchable(*texts)} for key, *texts in rows],
        )
        after = rows[-1].id


def _searchable(*texts: str | None) -> str:
    return unicodedata.normalize("NFKC", "\n".join(text or "" for text in texts)).casefold()


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}_{target}")


def _make_drops() -> None:
    name = "drops"
    op.create_table(
        name,
        _text("id", 40),
        _text("organisation_id", 40),
        _text("dropped_by", 64),
        _text("agent_id", 40, nullable=True),
        _text("appointment_id", 40, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _text("state", 10),
        _text("kind", 20),
        _text("collection", 200, nullable=True),
        sa.Column("public_preview", sa.Boolean(), nullable=False),
        _text("table_name", 300, nullable=True),
        _text("table_sha256", 64, nullable=True),
        sa.Column("table_bytes", sa.BigInteger(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drops"),
        _key(name, "organisation_id", "organisations"),
        _key(name, "agent_id", "organisations"),
    )
    op.create_index("ix_drops_organisation_id_id", name, ["organisation_id", "id"])


def _make_drop_files() -> None:
    name = "drop_files"
    op.create_table(
        name,
        _text("drop_id", 40),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("name", 300),
        _text("sha256", 64),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        _text("state", 15),
        sa.Column("row", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _text("claim", 40, nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        _text("design_id", 40, nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("drop_id", "number", name="pk_drop_files"),
        _key(name, "drop_id", "drops"),
        _key(name, "design_id", "designs"),
    )
    for columns in COLUMNS_OF_INDEXES:
        op.create_index(f"ix_{name}_{'_'.join(columns)}", name, list(columns))
