"""Witnesses: independent services that check that the log only grows, and cosign its checkpoints.

The protocols are C2SP tlog-witness and tlog-cosignature.
"""

import base64
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from authcheck.errors import BadSetting, Conflict, NotTrue, Unavailable
from authcheck.tlog.note import COSIGNATURE, Checkpoint, Verifier, read_note, signed_note, verify_note

LONGEST_ANSWER_BYTES = 64 * 1024
TIMEOUT_S = 10
SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
Post = Callable[[str, bytes], tuple[int, bytes]]
"""(address, body) -> the answer's status and body. Raises Unavailable when no answer comes."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: the address for checkpoints (the submission prefix), and the key for cosignatures."""

    url: str
    verifier: Verifier


def read_witnesses(text: str) -> list[Witness]:
    """Parse `vkey url, vkey url`. Raises BadSetting for an unusable pair, or for a key that occurs twice."""
    witnesses = [_witness(pair) for pair in text.split(",") if pair.strip()]
    if len({witness.verifier.public_key for witness in witnesses}) != len(witnesses):
        raise BadSetting("The list has one witness's key twice, perhaps under two names. Remove one of them.")
    return witnesses


def _witness(pair: str) -> Witness:
    try:
        vkey, url = pair.split()
        verifier = Verifier.from_vkey(vkey)
        parts = urlsplit(url)
    except (ValueError, NotTrue) as error:
        raise BadSetting(f"A witness needs a vkey, a blank and an address, not: {pair.strip()}") from error
    if verifier.algorithm != COSIGNATURE or parts.scheme not in {"http", "https"} or not parts.netloc:
        raise BadSetting(
            f"A witness needs a key for cosignatures and an http or https address, not: {pair.strip()}"
        )
    return Witness(url.rstrip("/"), verifier)


def post_http(url: str, body: bytes) -> tuple[int, bytes]:
    """Send a POST request to a witness. Follow no redirect. Raises Unavailable (`witness.unreachable`)."""
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain; charset=utf-8"})  # noqa: S310 - see _witness
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.read(LONGEST_ANSWER_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(LONGEST_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"No answer from {url}: {error}", code="witness.unreachable", url=url) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def submit(
    witness: Witness,
    origin: str,
    old_size: int,
    consistency: Sequence[bytes],
    note: str,
    *,
    post: Post = post_http,
) -> str:
    """Ask a witness to cosign a checkpoint. Returns its verified signature lines, to be appended to the note.

    `old_size` is the log's size that the witness has, and `consistency` is the proof from `old_size`. Use 0
    and no proof when the witness's size is not known. Raises Conflict (`witness.size`) with the witness's
    real `size`. Raises NotTrue: `ledger.forked` when the witness has another history, `note.signature` when
    the cosignature is false, `note.checkpoint` for a note of another origin. Raises Unavailable:
    `witness.refused`, `witness.unreachable`.
    """
    checkpoint = Checkpoint.from_note(note)
    if checkpoint.origin != origin:
        raise NotTrue("The checkpoint is of another log.", code="note.checkpoint")
    proof = [base64.b64encode(node).decode() for node in consistency]
    status, answer = post(
        f"{witness.url}/add-checkpoint", "\n".join([f"old {old_size}", *proof, "", note]).encode()
    )
    if status == HTTPStatus.OK:
        return _cosignatures(witness.verifier, checkpoint.text, answer)
    witness_size = SIZE.fullmatch(answer) if status == HTTPStatus.CONFLICT else None
    if witness_size and int(witness_size[1]) != old_size:
        raise Conflict(
            f"The witness has {int(witness_size[1])} entries.", code="witness.size", size=int(witness_size[1])
        )
    if witness_size or status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise NotTrue(
            f"{witness.verifier.name} has another history of the log.",
            code="ledger.forked",
            witness=witness.verifier.name,
        )
    raise Unavailable(f"{witness.verifier.name} answered {status}.", code="witness.refused", status=status)


def _cosignatures(verifier: Verifier, text: str, answer: bytes) -> str:
    """Return the witness's own lines in its answer, verified over exactly the submitted text."""
    try:
        note = signed_note(text, answer.decode())
        read, lines = read_note(note)
        signed = verify_note(note, [verifier]) if read == text else []
    except (UnicodeDecodeError, NotTrue) as error:
        if isinstance(error, NotTrue) and error.code == "note.signature":
            raise
        signed = []
    if not signed:
        raise Unavailable(f"{verifier.name} sent no cosignature by its own key.", code="witness.refused")
    return "".join(str(line) for line in lines if verifier.is_named_by(line))


def quorum(note: str, verifiers: Sequence[Verifier], least: int) -> int:
    """Return how many witnesses cosigned a note.

    Count distinct keys, because a cosignature does not cover a name.

    Raises NotTrue: `note.quorum` for fewer than `least` witnesses, `note.signature` for a false cosignature.
    """
    witnesses = [verifier for verifier in verifiers if verifier.algorithm == COSIGNATURE]
    count = len({verifier.public_key for verifier in verify_note(note, witnesses)})
    if count < least:
        raise NotTrue(
            f"{count} witnesses signed, but {least} are needed.",
            code="note.quorum",
            count=count,
            least=least,
        )
    return count
