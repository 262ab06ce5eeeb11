"""Builders that tests share: generated pictures, registered designs, workspaces."""

import hashlib
import io
import random
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from authcheck.checks.tables import Check
from authcheck.config import Settings
from authcheck.ids import new_id
from authcheck.ledger import addresses
from authcheck.members import api_keys, organisations
from authcheck.registry.reading import read_view
from authcheck.registry.registration import NewDesign, Registered, Registration
from authcheck.storage.database import Database
from authcheck.vision.features import extract
from authcheck.vision.features.features import Features
from authcheck.vision.features.thumbnail import thumbnail_bytes
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.pictures.decode import open_picture
from authcheck.workspace import Workspace

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DESIGNS = Path(__file__).parents[1] / "fixtures" / "designs"
Quad = NDArray[np.float32]


def confirm_address(database: Database) -> None:
    """Record the default address, as an operator confirms it for a trial on this computer."""
    with database.writing() as session:
        addresses.record_first(session, Settings(), NOW)


def picture(seed: int = 0, size: tuple[int, int] = (320, 256)) -> Image.Image:
    """Return a picture of coloured shapes on a gradient. Every seed gives a different picture."""
    dice = random.Random(seed)
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(24):
        left, top = dice.randrange(size[0]), dice.randrange(size[1])
        box = (left, top, left + dice.randrange(12, size[0] // 2), top + dice.randrange(12, size[1] // 2))
        colour = tuple(dice.randrange(256) for _ in range(3))
        (draw.ellipse if dice.random() < 0.5 else draw.rectangle)(box, fill=colour)
    return image.filter(ImageFilter.GaussianBlur(1))


def product_photo(seed: int = 0, ground: tuple[int, int, int] = (150, 120, 90)) -> Image.Image:
    """Return a printed board on a grainy ground.

    The product is the box (60, 50, 260, 210) of 320 x 256 pixels.
    """
    grain = Image.frombytes("L", (320, 256), random.Random(seed).randbytes(320 * 256)).convert("RGB")
    image = Image.blend(Image.new("RGB", (320, 256), ground), grain, 0.25)
    image.paste(Image.new("RGB", (200, 160), (235, 235, 240)), (60, 50))
    image.paste(picture(seed).resize((160, 128)), (80, 66))
    return image


def mask_bytes(
    box: tuple[int, int, int, int] = (60, 50, 260, 210), size: tuple[int, int] = (320, 256)
) -> bytes:
    """Return a mask file that is white within the box."""
    mask = Image.new("L", size)
    mask.paste(255, box)
    return encode(mask)


def encode(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    """Encode the picture as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def picture_bytes(seed: int = 0, image_format: str = "PNG", **options: Any) -> bytes:
    """Return `picture(seed)` as a file's bytes."""
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
    """Register one design of `owner` and commit.

    Its picture is `picture(seed)` unless `pictures` are given.
    """
    views = [read_view(data, workspace.limits) for data in pictures or [picture_bytes(seed)]]
    with workspace.database.writing() as session:
        organisation = organisations.ensure_brand(session, owner, NOW)
        registration = Registration(session, workspace.comparer(), workspace.store, NOW)
        return registration.register(
            organisation, NewDesign(reference, words.pop("title", reference), **words), views
        )


def key(workspace: Workspace, *scopes: str, owner: str = "acme") -> str:
    """Return the token of a new API key for `owner`."""
    with workspace.database.writing() as session:
        organisation = organisations.ensure_brand(session, owner, NOW)
        _, token = api_keys.create_key(session, organisation, label="test", scopes=scopes, now=NOW)
        return token


def check(workspace: Workspace, data: bytes = b"", **words: Any) -> Check:
    """Store a check of a picture with these bytes and with an answer of our choice."""
    fields: dict[str, Any] = {
        "organisation_id": None, "asked_at": datetime.now(UTC), "source": "api", "picture_name": "",
        "policy": "hashes-1", "picture_sha256": hashlib.sha256(data).hexdigest(), "scheme": "s", "fingerprint": b"",
        "notes": [], "tick": 1, "verdict": "match", "score": 0.98765, "method": "phash", "design_id": None,
        "view_number": None, "reasons": [], "looks": [], "findings": [],
    }  # fmt: skip
    made = Check(**{"id": new_id("chk", NOW), **fields, **words})
    with workspace.database.writing() as session:
        session.add(made)
    return made


def empty_database(settings: Settings) -> str:
    """Return the URL of a database without tables, of the kind that `settings` name."""
    name = f"empty_{secrets.token_hex(6)}"
    if settings.database_url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{settings.data_dir / name}.db"
    engine = sa.create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(settings.database_url).set(database=name).render_as_string(hide_password=False)


def fixture_bytes(name: str) -> bytes:
    """Return the file of one of our own designs by the beginning of its name."""
    (path,) = DESIGNS.glob(f"{name}-*")
    return path.read_bytes()


def fixture(name: str) -> Image.Image:
    """Return one of our own designs, opaque, by the beginning of its name."""
    drawn = Image.open(io.BytesIO(fixture_bytes(name))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")


def busy_ground(seed: int = 0, size: tuple[int, int] = (800, 640)) -> Image.Image:
    """Return a photo-like ground: shapes of all sizes, some striped, and nothing of a design."""
    dice = random.Random(f"ground {seed}")
    image = Image.new("RGB", size, tuple(dice.randrange(90, 200) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(160):
        side_px = round(min(size) * 0.3 * dice.random() ** 2) + 6
        x, y, turn = dice.randrange(size[0]), dice.randrange(size[1]), dice.randrange(360)
        colour = tuple(dice.randrange(40, 230) for _ in range(3))
        draw.regular_polygon((x, y, side_px), dice.randrange(3, 9), turn, fill=colour)
        if dice.random() < 0.3:
            draw.line([x - side_px, y, x + side_px, y + dice.randrange(-40, 40)], fill=colour[::-1], width=4)
    return image


def quad(
    design: Image.Image,
    middle: tuple[float, float],
    longer_px: float,
    *,
    angle_deg: float = 0,
    slant: float = 0,
    mirrored: bool = False,
) -> Quad:
    """Return the corners of a placed design: left top, right top, right bottom, left bottom.

    `slant` narrows its top.
    """
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * design.size / max(design.size) / 2
    corners[:2] *= 1 - slant
    corners[:, 0] *= -1 if mirrored else 1
    turn = np.deg2rad(angle_deg)
    turned = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return (turned * longer_px + middle).astype(np.float32)


def printed(design: Image.Image, place: Quad, ground: Image.Image, *, seed: int = 0) -> Image.Image:
    """Print the design onto a ground at `place`, with an uneven light, blur and a sensor's noise on both."""
    width_px, height_px = design.size
    frame = np.array([[0, 0], [width_px, 0], [width_px, height_px], [0, height_px]], np.float32)
    size = np.ptp(place, axis=0).max()
    small = cv2.GaussianBlur(np.asarray(design), (0, 0), max(0.3, max(design.size) / size / 2.5))
    there = cv2.getPerspectiveTransform(frame, place)
    shown = cv2.warpPerspective(small, there, ground.size).astype(np.float32)
    cover = cv2.warpPerspective(np.ones((height_px, width_px), np.float32), there, ground.size)[..., None]
    scene = shown * cover + np.asarray(ground, np.float32) * (1 - cover)
    rows, columns = np.mgrid[: ground.height, : ground.width] / max(ground.size)
    dice = np.random.default_rng(seed)
    folds = 0.06 * np.sin(40 * (columns * dice.uniform(-1, 1) + rows * dice.uniform(-1, 1)))
    light = 0.75 + 0.35 * columns + folds
    scene = cv2.GaussianBlur(scene * light[..., None], (0, 0), 0.6) + dice.normal(0, 4, scene.shape)
    return Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))


def overlap(one: Any, other: Any, size: tuple[int, int] = (800, 640)) -> float:
    """Return the intersection over union of two outlines, each `(n, 2)`, within a picture.

    It is 0 if either is empty.
    """
    inside = []
    for outline in (one, other):
        canvas = np.zeros(size[::-1], np.uint8)
        if len(outline):
            cv2.fillPoly(canvas, [np.rint(np.array(outline, np.float64)).astype(np.int32)], 1)
        inside.append(canvas > 0)
    return float((inside[0] & inside[1]).sum() / max((inside[0] | inside[1]).sum(), 1))


def submitted(image: Image.Image) -> Submitted:
    """Return a picture as a check receives it."""
    return Submitted.of(open_picture(encode(image, "BMP"), detail_px=extract.PICTURE_DETAIL_PX))


_FEATURES: dict[tuple[str, tuple[int, int], bytes, bytes | None], Features] = {}
_extract_design = extract.of_design


def design_features(image: Image.Image, mask: NDArray[np.bool_] | None = None) -> Features:
    """Run `extract.of_design` once a session for the same pixels, because it takes a tenth of a second."""
    shape_and_bits = None if mask is None else repr(mask.shape).encode() + mask.tobytes()
    key = (image.mode, image.size, hashlib.sha256(image.tobytes()).digest(), shape_and_bits)
    if key not in _FEATURES:
        features = _extract_design(image, mask)
        for array in (features.steps, features.descriptors, features.channels):
            array.setflags(write=False)
        _FEATURES[key] = features
    return _FEATURES[key]


def known(image: Image.Image, key: int = 0, *, owner: str = "acme") -> Known:
    """Return a picture as a registered view, under an even key of the index."""
    read = open_picture(encode(image, "BMP"), detail_px=extract.DESIGN_DETAIL_PX)
    thumbnail = thumbnail_bytes(read.image, None)
    features = design_features(read.image)
    return Known(key, f"design {key}", owner, features, thumbnail, read.width_px, read.height_px)


def outline_of(homography: Sequence[float], box: Sequence[float] = (0, 0, 1, 1)) -> Quad:
    """Return the corners to which a row-major homography maps the unit square, or a box in it."""
    left, top, right, bottom = box
    frame = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]])
    corners = frame @ np.reshape(homography, (3, 3)).T
    return (corners[:, :2] / corners[:, 2:]).astype(np.float32)


def tiled(tile: Image.Image, times: int) -> Image.Image:
    """Repeat a tile this many times across and down."""
    canvas = Image.new("RGB", (tile.width * times, tile.height * times))
    for number in range(times * times):
        canvas.paste(tile, (number % times * tile.width, number // times * tile.height))
    return canvas


def noise(seed: int = 0, size: tuple[int, int] = (800, 640)) -> Image.Image:
    """Return pure noise."""
    return Image.frombytes("RGB", size, random.Random(seed).randbytes(3 * size[0] * size[1]))
