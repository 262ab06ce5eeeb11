"""Request bodies that are too large, malformed, of the wrong kind or hostile."""

import errno
import os
import struct
import zlib
from typing import Any

import make
import pytest
from starlette.testclient import TestClient

from api import middleware, places, uploads
from api.app import create_app
from api.spool import Spool
from authcheck.config import Settings
from authcheck.errors import StorageFailed

Headers = dict[str, str]
BOUNDARY = "x-boundary"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def _part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode("utf-8", "surrogateescape") + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def bomb_png(width_px: int = 20_000, height_px: int = 10_000) -> bytes:
    """Return a PNG of 200 megapixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width_px, height_px, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * ((width_px // 8 + 1) * height_px), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def _stream(
    app: Any, path: str, headers: dict[str, str], chunk: bytes, chunks: int
) -> tuple[int, bytes, int, dict[str, str]]:
    """Send a chunked body as a server would. Return status, body, bytes read and headers."""
    read, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal read
        if read >= chunks * len(chunk):
            return {"type": "http.request", "body": b"", "more_body": False}
        read += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": raw,
        "client": ("203.0.113.9", 1),
        "server": ("testserver", 80),
    }
    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], body, read, found


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Settings with limits of 100 kB for a picture and 1 MB for an import."""
    return settings.model_copy(update={"max_picture_bytes": 100_000, "max_import_bytes": 1_000_000})


@pytest.mark.parametrize("kind", ["image/png", MULTIPART["Content-Type"]])
def test_an_oversize_chunked_upload_is_no_longer_read(
    small: Settings, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A body without a length is counted.

    Past the limit the server stops reading, answers 413 and closes the connection.
    """
    monkeypatch.setattr(middleware, "LINGER_BYTES", 0)
    with TestClient(create_app(small)) as client:
        chunk = b"x" * 10_000
        if kind != "image/png":
            chunk = _part("image", b"x" * 20_000, "a.png")
        assert client.portal is not None
        status, body, read, headers = client.portal.call(
            _stream, client.app, "/v1/checks", {"Content-Type": kind}, chunk, 10_000
        )
    assert status == 413
    assert b"too_large" in body or b"too_many_parts" in body
    assert read <= small.max_picture_bytes + uploads.MARGIN_BYTES + len(chunk)
    assert headers["content-type"] == "application/problem+json"


def test_a_declared_oversize_upload_is_not_read_at_all(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Content-Length above the limit gets 413 before the first byte, also for JSON, and the connection closes."""
    monkeypatch.setattr(middleware, "LINGER_BYTES", 0)
    with TestClient(create_app(small)) as client:
        headers = {"Content-Type": "image/png", "Content-Length": "100000000"}
        assert client.portal is not None
        status, body, read, sent = client.portal.call(
            _stream, client.app, "/v1/checks", headers, b"x" * 1000, 10
        )
        assert (status, read, sent["connection"]) == (413, 0, "close")
        assert b'"request.too_large"' in body
        key = make.key(client.app.state.workspace, "admin")  # type: ignore[attr-defined]
        answer = client.post(
            "/v1/keys", headers={"Authorization": f"Bearer {key}"}, json={"label": "x" * 70_000}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


@pytest.mark.slow
def test_an_import_has_a_limit_of_its_own(small: Settings) -> None:
    """An import may be larger than a picture, up to its own limit.

    A large picture in it refuses only its row.

    An import above its limit gets 413.
    """
    with TestClient(create_app(small)) as client:
        key = make.key(client.app.state.workspace, "designs:write")  # type: ignore[attr-defined]
        headers = {"Authorization": f"Bearer {key}"}
        files = [("image", (f"{number}.png", make.picture_bytes(number))) for number in range(12)]
        assert client.post("/v1/imports", headers=headers, files=files).json()["counts"]["registered"] == 12
        large = [("image", ("large.png", b"x" * 100_001)), ("image", ("13.png", make.picture_bytes(13)))]
        rows = client.post("/v1/imports", headers=headers, files=large).json()["rows"]
        assert [(row["status"], row["code"]) for row in rows] == [
            ("rejected", "image.too_large"),
            ("registered", ""),
        ]
        answer = client.post("/v1/imports", headers=headers, files={"image": ("a.png", b"x" * 1_100_000)})
        assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


def test_a_picture_just_over_the_limit_is_too_large(small: Settings) -> None:
    """A form may exceed the limit by its margin, but its picture may not. The same holds for a raw body."""
    with TestClient(create_app(small)) as client:
        data = b"x" * 100_001
        for sent in (
            {"files": {"image": ("a.png", data)}},
            {"content": data, "headers": {"Content-Type": "image/png"}},
        ):
            answer = client.post("/v1/checks", **sent)  # type: ignore[arg-type]
            assert (answer.status_code, answer.json()["code"]) == (413, "image.too_large")


def test_a_bomb_of_200_megapixels_is_refused_by_its_header(client: TestClient) -> None:
    """A file of 25 kB with 200 million pixels is refused before any pixel is decoded."""
    data = bomb_png()
    assert len(data) < 100_000
    answer = client.post("/v1/checks", files={"image": ("bomb.png", data)})
    assert (answer.status_code, answer.json()["code"]) == (422, "image.too_many_pixels")
    assert answer.json()["params"]["limit_pixels"] == 64_000_000


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        ("application/json", 415, "request.content_type"),
        ("text/plain", 415, "request.content_type"),
        ("application/x-www-form-urlencoded", 415, "request.content_type"),
        ("", 415, "request.content_type"),
        ("imagepng", 415, "request.content_type"),
        ("multipart/form-data", 400, "request.multipart"),
        ("multipart/form-data; boundary=" + "b" * 300, 400, "request.multipart"),
        ("image/x-unknown", 422, "image.unreadable"),
    ],
)
def test_a_wrong_content_type_is_said(client: TestClient, content_type: str, status: int, code: str) -> None:
    """A 415 names the accepted content types."""
    answer = client.post("/v1/checks", headers={"Content-Type": content_type}, content=b"no picture")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_designs_and_imports_want_multipart(client: TestClient, brand: Headers) -> None:
    """Designs and imports refuse a raw picture with 415."""
    for path in ("/v1/designs", "/v1/imports"):
        answer = client.post(
            path, headers={**brand, "Content-Type": "image/png"}, content=make.picture_bytes()
        )
        assert (answer.status_code, answer.json()["code"]) == (415, "request.content_type")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "request.multipart"),
        (b"garbage", 400, "request.multipart"),
        (_part("image", b"x", "a.png"), 400, "request.multipart"),
        (
            f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n".encode() + END,
            400,
            "request.multipart",
        ),
        (f"--{BOUNDARY}\r\nX: {'y' * 9000}\r\n\r\nx\r\n".encode() + END, 400, "request.multipart"),
        (END, 422, "request.image_missing"),
        (_part("photo", b"x", "a.png") + END, 422, "request.image_missing"),
        (_part("image", b"", "a.png") + END, 422, "image.empty"),
        (_part("image", b"text") + END, 422, "request.not_a_file"),
        (_part("image", b"a", "a.png") + _part("image", b"b", "b.png") + END, 422, "request.two_images"),
        (_part("x", b"1") * 10_000 + END, 422, "request.too_many_parts"),
        (
            _part("image", f"\r\n--{BOUNDARY}X".encode() * 100, "a.png") + END,
            422,
            "request.too_many_parts",
        ),
        (_part("x", b"y" * 20_000) + END, 422, "request.text_too_long"),
    ],
    ids=[
        "empty",
        "garbage",
        "cut-off",
        "no-name",
        "long-header",
        "no-parts",
        "no-image",
        "empty-file",
        "text-for-file",
        "two-images",
        "10k-parts",
        "many-delimiters",
        "long-text",
    ],
)
def test_a_malformed_form_is_said(client: TestClient, body: bytes, status: int, code: str) -> None:
    """Each malformed form gets a code of its own, and none gets a 500."""
    answer = client.post("/v1/checks", headers=MULTIPART, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("boundary", ["-", "1234567"])
def test_a_short_boundary_is_refused(client: TestClient, boundary: str) -> None:
    """A short boundary occurs all over a file, and each place costs the parser time."""
    answer = client.post(
        "/v1/checks",
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        content=b"\r\n--".join([b"", *[boundary.encode() + b"X"] * 1000]),
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "request.multipart")
    assert "at least 8 characters" in answer.json()["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\koi.png", "koi.png"),
        ("/etc/", "etc"),
        ("nul\x00l.png", "null.png"),
        ("a\x1b[31mred.png", "a[31mred.png"),
        ("", ""),
        ("x" * 5000, "x" * 255),
    ],
)
def test_a_path_like_file_name_is_only_a_name(
    client: TestClient, checker: Headers, sent: str, kept: str
) -> None:
    """A client's file name opens no path. Its last printable component is stored."""
    escaped = sent.replace("\\", "\\\\")
    body = _part("image", make.picture_bytes(), escaped) + END
    answer = client.post("/v1/checks", headers={**checker, **MULTIPART}, content=body)
    if len(sent) > 4000:
        assert answer.json()["code"] == "request.multipart"
        return
    assert answer.status_code == 201
    assert answer.json()["picture_name"] == kept


def test_text_that_is_not_utf8_is_refused(client: TestClient, brand: Headers) -> None:
    """Latin-1 bytes and encoded surrogates in a field get 422 with the field's name."""
    for title in (b"caf\xe9", b"\xed\xa0\x80"):
        body = (
            _part("reference", b"R")
            + _part("title", title)
            + _part("image", make.picture_bytes(), "a.png")
            + END
        )
        answer = client.post("/v1/designs", headers={**brand, **MULTIPART}, content=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "request.encoding")
        assert answer.json()["params"] == {"field": "title"}


def test_a_repeated_field_and_too_many_pictures_are_refused(client: TestClient, brand: Headers) -> None:
    """A repeated field, too many pictures, a file as a text and a missing picture are refused with their codes."""
    image = _part("image", make.picture_bytes(), "a.png")
    for body, code in (
        (_part("reference", b"A") + _part("reference", b"B") + image, "request.repeated"),
        (_part("reference", b"A") + image * 9, "request.too_many_images"),
        (_part("reference", b"A", "a.txt") + image, "request.not_text"),
        (_part("reference", b"A"), "request.image_missing"),
    ):
        answer = client.post("/v1/designs", headers={**brand, **MULTIPART}, content=body + END)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b'{"handle": "\\ud800"}', b"[" * 30_000, b"null", b'"x"']
)
def test_json_that_is_none_is_refused(client: TestClient, admin: Headers, body: bytes) -> None:
    """JSON that is malformed, not UTF-8, deeply nested or with lone surrogates gets 400 or 422, never 500."""
    headers = {**admin, "Content-Type": "application/json"}
    answer = client.post("/v1/organisations", headers=headers, content=body)
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"request.invalid", "request.unreadable"}


def test_an_upload_leaves_no_temporary_file(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each temporary upload file is closed with its request, whatever the outcome."""
    made: list[Any] = []

    class Watched(Spool):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(uploads, "Spool", Watched)
    client.post("/v1/checks", files={"image": ("a.png", make.picture_bytes())})
    client.post("/v1/checks", files={"image": ("a.png", b"\0" * 3_000_000)})
    client.post("/v1/checks", headers=MULTIPART, content=_part("image", b"x" * 2_000_000, "a.png"))
    assert len(made) == 3
    assert all(spool._file.closed for spool in made)


@pytest.mark.slow
def test_places_are_given_back(client: TestClient) -> None:
    """Every request, refused or answered, frees its place.

    A full server with many waiting requests answers 503 at once.
    """
    for data in (make.picture_bytes(), b"no picture", make.picture_bytes()):
        client.post("/v1/checks", files={"image": ("a.png", data)})
    assert client.app.state.places.public.held == 0  # type: ignore[attr-defined]


def test_a_full_house_says_so(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request without a place gets 503 with Retry-After, and costs no memory but a temporary file."""
    monkeypatch.setattr(places, "WAIT_S", 0.05)
    monkeypatch.setattr(client.app.state.places.public, "_size", 0)  # type: ignore[attr-defined]
    answer = client.post("/v1/checks", files={"image": ("a.png", make.picture_bytes())})
    assert (answer.status_code, answer.json()["code"]) == (503, "server.busy")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("number", "code", "detail"),
    [
        (
            errno.ENOSPC,
            "storage.full",
            "We cannot store the upload in the temporary folder: the folder is full.",
        ),
        (errno.EIO, "storage.failed", "We cannot store the upload in the temporary folder."),
    ],
)
def test_a_temporary_folder_that_fails_is_said(number: int, code: str, detail: str) -> None:
    """Only a full folder is called full."""

    class Failing:
        def write(self, _data: bytes) -> None:
            raise OSError(number, os.strerror(number))

    spool = Spool()
    spool._file.close()
    spool._file = Failing()  # type: ignore[assignment]
    with pytest.raises(StorageFailed) as caught:
        spool.write(b"x")
    assert (caught.value.code, str(caught.value)) == (code, detail)
