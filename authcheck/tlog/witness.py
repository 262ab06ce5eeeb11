"""Witnesses: others who watch that the log only grows and cosign its checkpoints (C2SP tlog-witness, tlog-cosignature)."""

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
"""(address, body) -> the answer's status and body. Raises Unavailable where there is no answer."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Where a witness takes checkpoints (its submission prefix), and the key it cosigns by."""

    url: str
    verifier: Verifier


def read_witnesses(text: str) -> list[Witness]:
    """Read `vkey url, vkey url`. Raises BadSetting for a pair that cannot be used, or a key that stands there twice."""
    witnesses = [_witness(pair) for pair in text.split(",") if pair.strip()]
    if len({witness.verifier.public_key for witness in witnesses}) != len(witnesses):
        raise BadSetting("A witness's key stands there twice, perhaps under two names.")
    return witnesses


def _witness(pair: str) -> Witness:
    try:
        vkey, url = pair.split()
        verifier = Verifier.from_vkey(vkey)
        parts = urlsplit(url)
    except (ValueError, NotTrue) as error:
        raise BadSetting(f"Not a witness's vkey and address: {pair.strip()}") from error
    if verifier.algorithm != COSIGNATURE or parts.scheme not in {"http", "https"} or not parts.netloc:
        raise BadSetting(f"A witness needs a key for cosignatures and an address: {pair.strip()}")
    return Witness(url.rstrip("/"), verifier)


def post_http(url: str, body: bytes) -> tuple[int, bytes]:
    """POST to a witness, following no redirect. Raises Unavailable (`witness.unreachable`)."""
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
    """Have a witness cosign a checkpoint; returns its signature lines, verified, to be appended to the note.

    `consistency` is the proof from `old_size`, which is what the witness holds: 0 and no proof if that is not known.
    Raises Conflict (`witness.size`) whose `size` is what it holds instead; NotTrue: `ledger.forked` if it holds another
    history, `note.signature` if its cosignature is false, `note.checkpoint` for a note of another origin; Unavailable:
    `witness.refused`, `witness.unreachable`.
    """
    checkpoint = Checkpoint.from_note(note)
    if checkpoint.origin != origin:
        raise NotTrue("The checkpoint is of another log.", code="note.checkpoint")
    proof = [base64.b64encode(one).decode() for one in consistency]
    status, answer = post(
        f"{witness.url}/add-checkpoint", "\n".join([f"old {old_size}", *proof, "", note]).encode()
    )
    if status == HTTPStatus.OK:
        return _cosignatures(witness.verifier, checkpoint.text, answer)
    held = SIZE.fullmatch(answer) if status == HTTPStatus.CONFLICT else None
    if held and int(held[1]) != old_size:
        raise Conflict(f"The witness holds {int(held[1])} entries.", code="witness.size", size=int(held[1]))
    if held or status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise NotTrue(
            f"{witness.verifier.name} holds another history of the log.",
            code="ledger.forked",
            witness=witness.verifier.name,
        )
    raise Unavailable(f"{witness.verifier.name} answered {status}.", code="witness.refused", status=status)


def _cosignatures(verifier: Verifier, text: str, answer: bytes) -> str:
    """The witness's own lines of its answer, verified over the very text that was submitted."""
    try:
        note = signed_note(text, answer.decode())
        read, lines = read_note(note)
        signed = verify_note(note, [verifier]) if read == text else []
    except (UnicodeDecodeError, NotTrue) as error:
        if isinstance(error, NotTrue) and error.code == "note.signature":
            raise
        signed = []
    if not signed:
        raise Unavailable(f"{verifier.name} sent no cosignature of its own.", code="witness.refused")
    return "".join(str(line) for line in lines if verifier.is_named_by(line))


def quorum(note: str, verifiers: Sequence[Verifier], least: int) -> int:
    """How many of the witnesses cosigned a note, by distinct keys: a cosignature does not commit to the name.

    Raises NotTrue: `note.quorum` if fewer than `least`, `note.signature` if one of them is false.
    """
    witnesses = [verifier for verifier in verifiers if verifier.algorithm == COSIGNATURE]
    count = len({verifier.public_key for verifier in verify_note(note, witnesses)})
    if count < least:
        raise NotTrue(
            f"{count} witnesses signed, {least} are needed.", code="note.quorum", count=count, least=least
        )
    return count
