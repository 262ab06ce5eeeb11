"""Builders that tests share: pictures drawn on the spot, registered designs, workspaces."""

import io
import random
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from PIL import Image, ImageDraw, ImageFilter

from authcheck import accounts
from authcheck.config import Settings
from authcheck.registry.registration import NewDesign, Registered, Registration, read_view
from authcheck.workspace import Workspace

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def picture(seed: int = 0, size: tuple[int, int] = (320, 256)) -> Image.Image:
    """A picture of its own: coloured shapes on a gradient, different for every seed."""
    dice = random.Random(seed)
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(24):
        left, top = dice.randrange(size[0]), dice.randrange(size[1])
        box = (left, top, left + dice.randrange(12, size[0] // 2), top + dice.randrange(12, size[1] // 2))
        colour = tuple(dice.randrange(256) for _ in range(3))
        (draw.ellipse if dice.random() < 0.5 else draw.rectangle)(box, fill=colour)
    return image.filter(ImageFilter.GaussianBlur(1))


def encode(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    """The picture as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def picture_bytes(seed: int = 0, image_format: str = "PNG", **options: Any) -> bytes:
    """`picture(seed)` as a file's bytes."""
    return encode(picture(seed), image_format, **options)


def register(
    workspace: Workspace,
    reference: str = "REF-1",
    *,
    owner: str = "acme",
    pictures: Sequence[bytes] = (),
    seed: int = 0,
    **words: Any,
) -> Registered:
    """Register one design of `owner` and commit; its picture is `picture(seed)` unless `pictures` are given."""
    views = [read_view(data, workspace.limits) for data in pictures or [picture_bytes(seed)]]
    with workspace.database.writing() as session:
        organisation = accounts.ensure_brand(session, owner, NOW)
        registration = Registration(session, workspace.live, workspace.store, workspace.policy, NOW)
        return registration.register(
            organisation, NewDesign(reference, words.pop("title", reference), **words), views
        )


def key(workspace: Workspace, *scopes: str, owner: str = "acme") -> str:
    """A new API key's token for `owner`."""
    with workspace.database.writing() as session:
        organisation = accounts.ensure_brand(session, owner, NOW)
        _, token = accounts.create_key(session, organisation, label="test", scopes=scopes, now=NOW)
        return token


def empty_database(settings: Settings) -> str:
    """The URL of a database that has no table yet, of the kind that `settings` name."""
    name = f"empty_{secrets.token_hex(6)}"
    if settings.database_url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{settings.data_dir / name}.db"
    engine = sa.create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(settings.database_url).set(database=name).render_as_string(hide_password=False)
