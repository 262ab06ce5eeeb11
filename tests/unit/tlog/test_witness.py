"""The witness client against good and bad answers. flows/test_foreign_witness.py asks a foreign witness."""

import base64
import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from ledger_made import ORIGIN, cosigner, entry_bodies, entry_body, log_signer
from log_made import Log, MemoryLog, checkpoint_of, consistency

from authcheck.errors import BadSetting, Conflict, NotTrue, Unavailable
from authcheck.tlog.merkle import EMPTY_ROOT, verify_consistency
from authcheck.tlog.note import Checkpoint, Signer, read_note, verify_note
from authcheck.tlog.witness import Post, Witness, post_http, quorum, read_witnesses, submit

COSIGNER = cosigner()
WITNESS = Witness("https://witness.example", COSIGNER.verifier)
LOG = log_signer()


def grown(count: int, first: int = 0) -> Log:
    """Return a log of this many entries."""
    log = MemoryLog()
    log.append(entry_bodies(count, first))
    return log


class Watcher:
    """A minimal witness: it holds one checkpoint and cosigns each checkpoint that continues it."""

    def __init__(self) -> None:
        self.held = Checkpoint(ORIGIN, 0, EMPTY_ROOT)

    def __call__(self, url: str, body: bytes) -> tuple[int, bytes]:
        """Take a request of the add-checkpoint call (C2SP tlog-witness)."""
        assert url == "https://witness.example/add-checkpoint"
        above, _, note = body.decode().partition("\n\n")
        old, *lines = above.split("\n")
        asked = Checkpoint.from_note(note)
        if verify_note(note, [LOG.verifier]) != [LOG.verifier]:
            return 403, b""
        if old != f"old {self.held.size}":
            return 409, f"{self.held.size}\n".encode()
        if self.held.size:
            proof = [base64.b64decode(line) for line in lines]
            try:
                verify_consistency(self.held.size, asked.size, proof, self.held.root, asked.root)
            except NotTrue:
                return 422, b""
        self.held = asked
        return 200, COSIGNER.sign(asked.text, 1_700_000_000).encode()


def submitted(log: Log, old_size: int, post: Post, signer: Signer = LOG) -> str:
    """Submit the log's current state. Return the note with the witness's answer."""
    note = checkpoint_of(log, ORIGIN, signer)
    size = log.size()
    proof = consistency(log, old_size, size) if 0 < old_size <= size else []
    return note + submit(WITNESS, ORIGIN, old_size, proof, note, post=post)


def test_a_witness_follows_a_log() -> None:
    """A witness follows a log from nothing and from its own checkpoint. Its cosignature counts."""
    log, watcher = grown(5), Watcher()
    assert quorum(submitted(log, 0, watcher), [COSIGNER.verifier], 1) == 1
    log.append(entry_bodies(300, first=5))
    note = submitted(log, 5, watcher)
    assert quorum(note, [COSIGNER.verifier], 1) == 1
    assert len(read_note(submitted(log, 305, watcher))[1]) == 2


def test_a_witness_says_what_it_holds() -> None:
    """A client that does not know the witness's size asks with 0 and gets the size."""
    log, watcher = grown(5), Watcher()
    submitted(log, 0, watcher)
    with pytest.raises(Conflict) as caught:
        submitted(log, 0, watcher)
    assert (caught.value.code, caught.value.params) == ("witness.size", {"size": 5})


def test_attack_old_backup_restored_and_grown() -> None:
    """The witness holds more than the restored log and says so. No proof of the new entries convinces it."""
    watcher = Watcher()
    submitted(grown(9), 0, watcher)
    restored = grown(6)
    with pytest.raises(Conflict) as caught:
        submitted(restored, 6, watcher)
    assert caught.value.params == {"size": 9}
    restored.append(entry_bodies(5, first=100))
    with pytest.raises(NotTrue) as forked:
        submitted(restored, 9, watcher)
    assert forked.value.code == "ledger.forked"


def test_attack_history_rewritten_by_the_right_key() -> None:
    """A witness refuses a larger tree with a changed old entry, even with a valid signature."""
    watcher = Watcher()
    submitted(grown(5), 0, watcher)
    forged = MemoryLog()
    forged.append([*entry_bodies(2), entry_body(99), *entry_bodies(10, first=3)])
    with pytest.raises(NotTrue) as caught:
        submitted(forged, 5, watcher)
    assert caught.value.code == "ledger.forked"


def test_attack_another_root_of_the_same_size() -> None:
    """Both statuses of witnesses are handled: 409 of older witnesses and 422."""
    watcher = Watcher()
    submitted(grown(5), 0, watcher)
    for post in (watcher, lambda *_: (409, b"5\n")):
        with pytest.raises(NotTrue) as caught:
            submitted(grown(5, first=50), 5, post)
        assert caught.value.code == "ledger.forked"


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (403, b""),
        (404, b"who?"),
        (500, b""),
        (302, b""),
        (409, b""),
        (409, b"-3\n"),
        (409, b"nonsense"),
        (200, b""),
        (200, b"\xff\xfe"),
        (200, b"thanks\n"),
        (200, cosigner(7).sign(checkpoint_of(grown(5), ORIGIN, LOG).partition("\n\n")[0] + "\n", 1).encode()),
        (200, b"more\n\n" + COSIGNER.sign("more\n", 1).encode()),
        (200, b"\n" + COSIGNER.sign("x\n", 1).encode()),
    ],
)
def test_answers_without_a_cosignature_are_no_answer(status: int, answer: bytes) -> None:
    """An unknown-log answer, an error and any other text keep the note unchanged.

    The client asks again later.
    """
    with pytest.raises(Unavailable) as caught:
        submitted(grown(5), 0, lambda *_: (status, answer))
    assert caught.value.code == "witness.refused"


def test_attack_false_cosignature_in_the_answer() -> None:
    """A false cosignature would make our own note false for everybody. It is refused before it is stored."""
    forged = COSIGNER.sign("another text\n", 1).encode()
    with pytest.raises(NotTrue) as caught:
        submitted(grown(5), 0, lambda *_: (200, forged))
    assert caught.value.code == "note.signature"


def test_only_the_witness_s_own_lines_are_kept() -> None:
    """Other signatures in the witness's answer are dropped."""
    watcher = Watcher()

    def post(url: str, body: bytes) -> tuple[int, bytes]:
        status, answer = watcher(url, body)
        return status, cosigner(8).sign("any\n", 1).encode() + answer

    assert [line.name for line in read_note(submitted(grown(5), 0, post))[1]] == [ORIGIN, COSIGNER.name]


def test_a_checkpoint_of_another_log_is_not_submitted() -> None:
    """Nothing is sent for a checkpoint of another log."""
    note = checkpoint_of(grown(5), "other.example/ledger", LOG)
    with pytest.raises(NotTrue):
        submit(WITNESS, ORIGIN, 0, [], note, post=lambda *_: pytest.fail("sent"))


def test_witnesses_are_read_from_a_setting() -> None:
    """The setting has pairs of vkey and address, separated by commas."""
    pairs = [f"{cosigner(seed).verifier.vkey} https://w{seed}.example/" for seed in (1, 2)]
    assert read_witnesses(" , ".join(pairs)) == [
        Witness("https://w1.example", cosigner(1).verifier),
        Witness("https://w2.example", cosigner(2).verifier),
    ]
    assert read_witnesses("") == []


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        COSIGNER.verifier.vkey,
        f"{COSIGNER.verifier.vkey} ftp://witness.example",
        f"{COSIGNER.verifier.vkey} file:///etc/passwd",
        f"{COSIGNER.verifier.vkey} https://",
        f"{LOG.verifier.vkey} https://witness.example",
        f"{COSIGNER.verifier.vkey}x https://witness.example",
        f"{COSIGNER.verifier.vkey} https://a.example, {cosigner(1, 'other').verifier.vkey} https://b.example",
    ],
)
def test_settings_that_name_no_witness_are_refused(text: str) -> None:
    """A missing address, a missing cosigning key and one key under two names are refused."""
    with pytest.raises(BadSetting):
        read_witnesses(text)


@pytest.fixture
def serve() -> Iterator[Callable[[int, dict[str, str], bytes], str]]:
    """Return a function that starts a server with one fixed answer. It returns the server's address."""
    servers = []

    def start(status: int, headers: dict[str, str], body: bytes) -> str:
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_over_http(serve: Callable[[int, dict[str, str], bytes], str]) -> None:
    """Answers of every status come back unchanged, long ones cut. Redirects are not followed."""
    assert post_http(serve(200, {}, b"ok"), b"x") == (200, b"ok")
    assert post_http(serve(409, {}, b"5\n"), b"x") == (409, b"5\n")
    assert len(post_http(serve(200, {}, bytes(100_000)), b"x")[1]) == 64 * 1024
    elsewhere = serve(200, {}, b"stolen")
    assert post_http(serve(302, {"Location": elsewhere}, b""), b"x")[0] == 302


def test_no_answer_is_told_so() -> None:
    """An address where no server listens gives an error that says so."""
    with pytest.raises(Unavailable) as caught:
        post_http("http://127.0.0.1:1", b"x")
    assert caught.value.code == "witness.unreachable"
