"""The offline proof of a certificate, and its whole verification: no database, no web, no clock of its own.

`python -m authcheck.proofs.bundle FILE --trust trust.json` exits with 0 where the certificate is good, 1 where something is not
true or it was revoked, 2 for a file that cannot be read, 3 where it cannot be told.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from authcheck.errors import AuthcheckError, NotTrue, Rejected
from authcheck.proofs.credential import Credential, is_revoked
from authcheck.proofs.trust import Trust, TrustedKey
from authcheck.tlog.entries import read_body
from authcheck.tlog.merkle import leaf_hash, verify_inclusion
from authcheck.tlog.note import Checkpoint, Proof, Verifier, read_proof, verify_note
from authcheck.tlog.witness import quorum

Outcome = Literal["good", "revoked", "not_true", "unknown"]
VERSION = 1
STEPS = ("signature", "entry", "inclusion", "checkpoint", "witnesses", "key", "status")
FILE_BYTES = 64 * 1024 * 1024  # the trust file of ten thousand brands has a few


class State(StrEnum):
    """What became of a step; `off`: nobody asked for it."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at; `code` is the error's where it is false; `params` are its numbers."""

    name: str
    state: State
    detail: str
    code: str = ""
    params: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, in order."""

    steps: tuple[Step, ...]

    @property
    def failed(self) -> Step | None:
        """The step that is false."""
        return next((step for step in self.steps if step.state is State.FALSE), None)

    @property
    def outcome(self) -> Outcome:
        """`good`, `revoked` (all else is true), `not_true` or `unknown`."""
        if self.failed is not None:
            return "revoked" if self.failed.code == "certificate.revoked" else "not_true"
        return "unknown" if any(step.state is State.UNKNOWN for step in self.steps) else "good"

    @property
    def exit_status(self) -> int:
        """0 good, 3 cannot tell, else 1."""
        return {"good": 0, "unknown": 3}.get(self.outcome, 1)


@dataclass(frozen=True, slots=True)
class Logged:
    """Something signed, the ledger entry about it (canonical JSON), and that entry's `c2sp.org/tlog-proof@v1`."""

    jws: str
    entry: str
    proof: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that is needed to verify a certificate offline, besides a Trust."""

    certificate: Logged
    status: Logged

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a bundle. Raises NotTrue (`bundle.malformed`)."""
        try:
            found = json.loads(text)
            version, status = found["v"], found["status"]
            fields = [found[name] for name in ("certificate", "entry", "proof")]
            fields += [status[name] for name in ("list", "entry", "proof")]
            readable = all(isinstance(field, str) and field.encode() for field in fields)
        except (ValueError, KeyError, TypeError, RecursionError):
            readable, version = False, None
        if not readable or version != VERSION:
            raise NotTrue("This is no bundle of a version known here.", code="bundle.malformed")
        return cls(Logged(*fields[:3]), Logged(*fields[3:]))

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "v": VERSION,
            "certificate": self.certificate.jws,
            "entry": self.certificate.entry,
            "proof": self.certificate.proof,
            "status": {"list": self.status.jws, "entry": self.status.entry, "proof": self.status.proof},
        }


def verify(bundle: Bundle, trust: Trust, now: datetime) -> Report:
    """Take every step until one is false; those after it stay unknown. `now` only tells the status list's age."""
    steps: list[Step] = []
    try:
        for step in _steps(bundle, trust, now):
            steps.append(step)  # noqa: PERF402 - what came before the false step must stay
    except NotTrue as error:
        steps.append(Step(STEPS[len(steps)], State.FALSE, str(error), error.code))
    later = [Step(name, State.UNKNOWN, "An earlier step is false.") for name in STEPS[len(steps) :]]
    return Report((*steps, *later))


def _steps(bundle: Bundle, trust: Trust, now: datetime) -> Iterator[Step]:
    # 1. A key of the very issuer that the certificate names has signed it.
    certificate = Credential.read(bundle.certificate.jws)
    key = trust.key(certificate.issuer, certificate.kid)
    yield _signature(certificate, key)

    # 2. The entry is about these bytes: were only its id compared, one entry could vouch for two certificates.
    _check_entry(bundle.certificate, "cert.issue", certificate)
    yield Step("entry", State.TRUE, "The ledger entry holds this certificate's SHA-256.")

    # 3. The entry is in the tree that the checkpoint commits to.
    proof, checkpoint = _proved(bundle.certificate)
    yield Step("inclusion", State.TRUE, f"Entry {proof.index} of {checkpoint.size}.")

    # 4. The log signed that checkpoint, and it is the log we trust.
    _check_signed(proof.checkpoint_note, trust.log)
    yield Step("checkpoint", State.TRUE, f"Signed by {checkpoint.origin}.")

    # 5. Others saw it too.
    yield _witnesses(proof.checkpoint_note, trust)

    # 6. The key was valid where the entry stands, whatever time anybody wrote into it.
    yield _key_step(key, proof.index)

    # 7. The newest list known under the same checkpoint does not revoke it.
    yield _status(bundle.status, certificate, proof, trust, now)


def _signature(certificate: Credential, key: TrustedKey | None) -> Step:
    if key is None:
        return Step("signature", State.UNKNOWN, f"The trust file does not know {certificate.kid}.")
    certificate.verify(key.public_key)
    return Step("signature", State.TRUE, f"Signed by {certificate.kid}.")


def _check_entry(logged: Logged, kind: str, signed: Credential) -> None:
    fields = read_body(logged.entry.encode())
    digest = hashlib.sha256(logged.jws.encode()).hexdigest()
    expected = {"t": kind, "id": signed.id, "h": f"sha256:{digest}", "iss": signed.issuer, "kid": signed.kid}
    wrong = [name for name, value in expected.items() if fields.get(name) != value]
    if wrong:
        raise NotTrue(f"The ledger entry is about something else: {', '.join(wrong)}.", code="bundle.entry")


def _proved(logged: Logged) -> tuple[Proof, Checkpoint]:
    proof = read_proof(logged.proof)
    checkpoint = Checkpoint.from_note(proof.checkpoint_note)
    leaf = leaf_hash(logged.entry.encode())
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return proof, checkpoint


@lru_cache(maxsize=64)  # the same bytes by the same key: a server sees one checkpoint for many certificates
def _check_signed(note: str, log: Verifier) -> None:
    if log not in verify_note(note, [log]) or Checkpoint.from_note(note).origin != log.name:
        raise NotTrue(f"The checkpoint is not one of {log.name}.", code="bundle.checkpoint")


def _witnesses(note: str, trust: Trust) -> Step:
    if not trust.quorum:
        return Step("witnesses", State.OFF, "No witness is asked for.")
    counts = {
        "seen": quorum(note, trust.witnesses, 0),
        "total": len({one.public_key for one in trust.witnesses}),
    }
    state = State.TRUE if counts["seen"] >= trust.quorum else State.UNKNOWN
    detail = f"{counts['seen']} of {counts['total']}; {trust.quorum} needed."
    return Step("witnesses", state, detail, params=counts)


def _key_step(key: TrustedKey | None, number: int) -> Step:
    if key is None:
        return Step("key", State.UNKNOWN, "The trust file does not know the key.")
    if not key.holds_at(number):
        span = f"{key.first} to {'now' if key.end is None else key.end - 1}"
        raise NotTrue(f"The key counts for entries {span}, not {number}.", code="certificate.key")
    return Step("key", State.TRUE, f"The key was valid at entry {number}.")


def _status(logged: Logged, certificate: Credential, issued: Proof, trust: Trust, now: datetime) -> Step:
    place, status = certificate.status, Credential.read(logged.jws)
    if (status.id, status.issuer) != (place.list_url, certificate.issuer):
        raise NotTrue("The status list is another one, or another issuer's.", code="bundle.status")
    key = trust.key(status.issuer, status.kid)
    if key is None:
        return Step("status", State.UNKNOWN, f"The trust file does not know {status.kid}.")
    proof = _proved_list(logged, key.public_key)
    if proof.checkpoint_note != issued.checkpoint_note:
        raise NotTrue("The two proofs stand on two checkpoints.", code="bundle.checkpoint")
    _key_step(key, proof.index)
    if is_revoked(status, place.index):
        raise NotTrue("The issuer has revoked this certificate.", code="certificate.revoked")
    if proof.index < max(issued.index, trust.status_lists.get(status.id, 0)):
        return Step("status", State.UNKNOWN, f"The list of entry {proof.index} is not the newest.")
    return Step(
        "status", State.TRUE, f"Not revoked in the list of entry {proof.index}, {_age(status, now)} old."
    )


@lru_cache(maxsize=64)
def _proved_list(logged: Logged, public_key: bytes) -> Proof:
    status = Credential.read(logged.jws)
    status.verify(public_key)
    _check_entry(logged, "statuslist.publish", status)
    return _proved(logged)[0]


def _age(status: Credential, now: datetime) -> str:
    seconds = max(0, int((now - status.valid_from).total_seconds()))
    for unit_s, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s} {unit}"
    return f"{seconds} seconds"


def run(file: Path, trust_file: Path, *, as_json: bool) -> int:
    """Verify a file and print the report; the exit status. Raises Rejected (`bundle.file`, `bundle.trust`)."""
    trust = Trust.from_json(_read(trust_file))
    try:
        report = verify(Bundle.from_json(_read(file)), trust, datetime.now(UTC))
    except NotTrue as error:
        report = Report((Step("bundle", State.FALSE, str(error), error.code),))
    if as_json:
        lines = [json.dumps({"outcome": report.outcome, "steps": [asdict(step) for step in report.steps]})]
    else:
        lines = [f"{step.name:<11} {step.state:<8} {step.detail}" for step in report.steps]
        lines += [report.outcome.replace("_", " ")]
    for line in lines:
        # Parts of a forged file are quoted: they must not steer the terminal.
        sys.stdout.write((line if line.isprintable() else ascii(line)[1:-1]) + "\n")
    return report.exit_status


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise Rejected(
            f"{path} cannot be read: {error.strerror}.", code="bundle.file", path=str(path)
        ) from error
    if len(data) > FILE_BYTES:
        raise Rejected(f"{path} is larger than {FILE_BYTES} bytes.", code="bundle.file", path=str(path))
    return data


def main(words: Sequence[str] | None = None) -> int:
    """The command line of this module, which loads nothing but what verifying needs; the exit status."""
    parser = argparse.ArgumentParser("authcheck verify-bundle", description="Verify a certificate offline.")
    parser.add_argument("file", type=Path, metavar="FILE", help="the bundle")
    parser.add_argument("--trust", type=Path, required=True, metavar="FILE", help="whom to believe")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(words)
    try:
        return run(given.file, given.trust, as_json=given.json)
    except AuthcheckError as error:
        sys.stderr.write(f"authcheck: {error} [{error.code}]\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
