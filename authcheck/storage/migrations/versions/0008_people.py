"""People, their memberships, sessions and one-time links, and agents who act for others."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("api_keys", _time("used_at", nullable=True))
    _make_people()
    _make_appointments()
    _make_sessions()
    _make_links()
    op.create_table(
        "failed_sign_ins",
        sa.Column("bucket", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        _time("last_at"),
        sa.PrimaryKeyConstraint("bucket", name="pk_failed_sign_ins"),
    )
    op.create_index("ix_failed_sign_ins_last_at", "failed_sign_ins", ["last_at"])


def _make_people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        _time("totp_since", nullable=True),
        sa.Column("totp_step", sa.Integer(), nullable=True),
        sa.Column("recovery_sha256", sa.JSON(), nullable=False),
        _time("created_at"),
        _time("disabled_at", nullable=True),
        _time("used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("email", name="uq_people_email"),
    )
    op.create_table(
        "memberships",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        _time("since"),
        sa.PrimaryKeyConstraint("person_id", "organisation_id", name="pk_memberships"),
        _key("memberships", "person_id", "people"),
        _key("memberships", "organisation_id", "organisations"),
    )
    op.create_index("ix_memberships_organisation_id", "memberships", ["organisation_id"])


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}_{target}")


def _make_appointments() -> None:
    op.create_table(
        "appointments",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("agent_id", sa.String(length=40), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("designs", sa.JSON(), nullable=False),
        sa.Column("territories", sa.JSON(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        _time("created_at"),
        _time("ended_at", nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_appointments"),
        _key("appointments", "client_id", "organisations"),
        _key("appointments", "agent_id", "organisations"),
    )
    op.create_index("ix_appointments_client_id", "appointments", ["client_id"])
    op.create_index("ix_appointments_agent_id", "appointments", ["agent_id"])


def _make_sessions() -> None:
    op.create_table(
        "web_sessions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=True),
        sa.Column("appointment_id", sa.String(length=40), nullable=True),
        sa.Column("awaits_code", sa.Boolean(), nullable=False),
        sa.Column("browser", sa.String(length=200), nullable=False),
        _time("created_at"),
        _time("used_at"),
        _time("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_web_sessions"),
        sa.UniqueConstraint("token_sha256", name="uq_web_sessions_token_sha256"),
        _key("web_sessions", "person_id", "people"),
        _key("web_sessions", "organisation_id", "organisations"),
        _key("web_sessions", "appointment_id", "appointments"),
    )
    op.create_index("ix_web_sessions_person_id", "web_sessions", ["person_id"])


def _make_links() -> None:
    op.create_table(
        "one_time_links",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("organisation_id", sa.String(length=40), nullable=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=True),
        _time("created_at"),
        _time("expires_at"),
        _time("used_at", nullable=True),
        _time("withdrawn_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_links"),
        sa.UniqueConstraint("secret_sha256", name="uq_one_time_links_secret_sha256"),
        _key("one_time_links", "person_id", "people"),
        _key("one_time_links", "organisation_id", "organisations"),
        _key("one_time_links", "made_by", "people"),
    )
    op.create_index("ix_one_time_links_person_id", "one_time_links", ["person_id"])
    op.create_index("ix_one_time_links_organisation_id", "one_time_links", ["organisation_id"])
