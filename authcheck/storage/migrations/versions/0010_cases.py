"""Picture clusters, cases, their listings and their timelines."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}_{target}")


def upgrade() -> None:
    """Bring the tables to this revision."""
    _make_clusters()
    _make_cases()
    op.create_table(
        "case_items",
        _text("case_id", 40),
        _text("listing_id", 40),
        _text("verdict", 30),
        _time("added_at"),
        sa.PrimaryKeyConstraint("case_id", "listing_id", name="pk_case_items"),
        _key("case_items", "case_id", "cases"),
        _key("case_items", "listing_id", "listings"),
    )
    op.create_index("ix_case_items_listing_id", "case_items", ["listing_id"])
    op.create_table(
        "case_skips",
        _text("case_id", 40),
        _text("holder", 64),
        _text("reason", 30),
        _time("at"),
        sa.PrimaryKeyConstraint("case_id", "holder", name="pk_case_skips"),
        _key("case_skips", "case_id", "cases"),
    )
    op.create_table(
        "case_events",
        _text("case_id", 40),
        sa.Column("number", sa.Integer(), nullable=False),
        _time("at"),
        _text("kind", 30),
        _text("person_id", 40, nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        _text("hash", 64),
        sa.PrimaryKeyConstraint("case_id", "number", name="pk_case_events"),
        _key("case_events", "case_id", "cases"),
        _key("case_events", "person_id", "people"),
    )


def _make_clusters() -> None:
    op.create_table(
        "picture_clusters",
        _text("id", 40),
        _text("design_id", 40),
        _text("representative_sha256", 64),
        sa.Column("spread_bits", sa.Integer(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_picture_clusters"),
        _key("picture_clusters", "design_id", "designs"),
    )
    op.create_index("ix_picture_clusters_design_id", "picture_clusters", ["design_id"])
    op.create_table(
        "clustered_pictures",
        _text("design_id", 40),
        _text("picture_sha256", 64),
        _text("cluster_id", 40),
        _text("scheme", 20),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        _text("joined_by", 10),
        sa.Column("distance_bits", sa.Integer(), nullable=False),
        _time("added_at"),
        sa.PrimaryKeyConstraint("design_id", "picture_sha256", name="pk_clustered_pictures"),
        _key("clustered_pictures", "design_id", "designs"),
        _key("clustered_pictures", "cluster_id", "picture_clusters"),
    )
    op.create_index("ix_clustered_pictures_cluster_id", "clustered_pictures", ["cluster_id"])


def _make_cases() -> None:
    op.create_table(
        "cases",
        _text("id", 40),
        _text("organisation_id", 40),
        _text("channel", 64),
        _text("seller", 100),
        _text("design_id", 40),
        _text("cluster_id", 40),
        _text("verdict", 30),
        _text("severity", 10),
        _text("state", 20),
        _time("opened_at"),
        _time("due_at"),
        _text("head", 64),
        _text("salt", 32),
        sa.Column("priority", sa.JSON(), nullable=False),
        sa.Column("rank", sa.Double(), nullable=False),
        _text("lease_holder", 64, nullable=True),
        _time("lease_until", nullable=True),
        _text("open_key", 64, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("open_key", name="uq_cases_open_key"),
        _key("cases", "organisation_id", "organisations"),
        _key("cases", "design_id", "designs"),
        _key("cases", "cluster_id", "picture_clusters"),
    )
    op.create_index("ix_cases_organisation_id_state_due_at", "cases", ["organisation_id", "state", "due_at"])
    op.create_index("ix_cases_organisation_id_state_rank", "cases", ["organisation_id", "state", "rank"])
    op.create_index("ix_cases_design_id", "cases", ["design_id"])
    op.create_index("ix_cases_cluster_id", "cases", ["cluster_id"])
