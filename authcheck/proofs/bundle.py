"""The offline proof of a certificate (the bundle), and its complete verification.

The verification needs no database, no network and no clock of its own. `python -m authcheck.proofs.bundle
FILE --trust trust.json` exits with 0 when the certificate is good, 1 when a step is false or the certificate
is revoked, 2 when a file cannot be read, 3 when a step stays undecided.
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
FILE_BYTES = 64 * 1024 * 1024  # the trust file of ten thousand brands has a few MiB


class State(StrEnum):
    """The result of a verification step. `off` means that the trust file does not ask for this step."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Step:
    """A verification step with its result. `code` is a false step's error code, `params` are its numbers."""

    name: str
    state: State
    detail: str
    code: str = ""
    params: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """All verification steps in their order."""

    steps: tuple[Step, ...]

    @property
    def failed(self) -> Step | None:
        """Return the step that is false, or None."""
        return next((step for step in self.steps if step.state is State.FALSE), None)

    @property
    def outcome(self) -> Outcome:
        """Return `good`, `revoked` (all other steps are true), `not_true` or `unknown`."""
        if self.failed is not None:
            return "revoked" if self.failed.code == "certificate.revoked" else "not_true"
        return "unknown" if any(step.state is State.UNKNOWN for step in self.steps) else "good"

    @property
    def exit_status(self) -> int:
        """Return 0 for a good certificate, 3 for an unknown outcome, else 1."""
        return {"good": 0, "unknown": 3}.get(self.outcome, 1)


@dataclass(frozen=True, slots=True)
class Logged:
    """A signed credential, its ledger entry (canonical JSON), and the entry's `c2sp.org/tlog-proof@v1`."""

    jws: str
    entry: str
    proof: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that the offline verification of a certificate needs, apart from a Trust."""

    certificate: Logged
    status: Logged

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a bundle. Raises NotTrue (`bundle.malformed`) when the text is no bundle of this version."""
        try:
            data = json.loads(text)
            version, status = data["v"], data["status"]
            fields = [data[name] for name in ("certificate", "entry", "proof")]
            fields += [status[name] for name in ("list", "entry", "proof")]
            readable = all(isinstance(field, str) and field.encode() for field in fields)
        except (ValueError, KeyError, TypeError, RecursionError):
            readable, version = False, None
        if not readable or version != VERSION:
            raise NotTrue("This is not a certificate bundle that we can read.", code="bundle.malformed")
        return cls(Logged(*fields[:3]), Logged(*fields[3:]))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that `from_json` reads."""
        return {
            "v": VERSION,
            "certificate": self.certificate.jws,
            "entry": self.certificate.entry,
            "proof": self.certificate.proof,
            "status": {"list": self.status.jws, "entry": self.status.entry, "proof": self.status.proof},
        }


def verify(bundle: Bundle, trust: Trust, now: datetime) -> Report:
    """Run the steps until one is false. Later steps stay unknown. `now` only gives the status list's age."""
    steps: list[Step] = []
    try:
        for step in _run_steps(bundle, trust, now):
            steps.append(step)  # noqa: PERF402 - the steps before the false one must stay in the list
    except NotTrue as error:
        steps.append(Step(STEPS[len(steps)], State.FALSE, str(error), error.code))
    later = [Step(name, State.UNKNOWN, "An earlier step is false.") for name in STEPS[len(steps) :]]
    return Report((*steps, *later))


def _run_steps(bundle: Bundle, trust: Trust, now: datetime) -> Iterator[Step]:
    # 1. A key of the issuer that the certificate names has signed the certificate.
    certificate = Credential.read(bundle.certificate.jws)
    key = trust.key(certificate.issuer, certificate.kid)
    yield _check_signature(certificate, key)

    # 2. The entry holds the hash of these bytes. If only ids were compared, one entry could vouch for two
    # certificates.
    _check_entry(bundle.certificate, "cert.issue", certificate)
    yield Step("entry", State.TRUE, "The ledger entry holds this certificate's SHA-256.")

    # 3. The entry is in the tree that the checkpoint commits to.
    proof, checkpoint = _check_inclusion(bundle.certificate)
    yield Step("inclusion", State.TRUE, f"Entry {proof.index} of {checkpoint.size}.")

    # 4. The trusted log signed that checkpoint.
    _check_checkpoint(proof.checkpoint_note, trust.log)
    yield Step("checkpoint", State.TRUE, f"Signed by {checkpoint.origin}.")

    # 5. Witnesses cosigned the same checkpoint.
    yield _check_witnesses(proof.checkpoint_note, trust)

    # 6. The key was valid at the entry's number. Times in the certificate or the entry do not count.
    yield _check_key(key, proof.index)

    # 7. The newest status list under the same checkpoint does not revoke the certificate.
    yield _check_status(bundle.status, certificate, proof, trust, now)


def _check_signature(certificate: Credential, key: TrustedKey | None) -> Step:
    if key is None:
        return Step("signature", State.UNKNOWN, f"The trust file has no key {certificate.kid}.")
    certificate.verify(key.public_key)
    return Step("signature", State.TRUE, f"Signed by {certificate.kid}.")


def _check_entry(logged: Logged, kind: str, signed: Credential) -> None:
    fields = read_body(logged.entry.encode())
    digest = hashlib.sha256(logged.jws.encode()).hexdigest()
    expected = {"t": kind, "id": signed.id, "h": f"sha256:{digest}", "iss": signed.issuer, "kid": signed.kid}
    differing = ", ".join(name for name, value in expected.items() if fields.get(name) != value)
    if differing:
        raise NotTrue(f"The ledger entry describes another document: {differing}.", code="bundle.entry")


def _check_inclusion(logged: Logged) -> tuple[Proof, Checkpoint]:
    proof = read_proof(logged.proof)
    checkpoint = Checkpoint.from_note(proof.checkpoint_note)
    leaf = leaf_hash(logged.entry.encode())
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return proof, checkpoint


@lru_cache(maxsize=64)  # a server verifies many certificates under one checkpoint
def _check_checkpoint(note: str, log: Verifier) -> None:
    if log not in verify_note(note, [log]) or Checkpoint.from_note(note).origin != log.name:
        raise NotTrue(f"The checkpoint does not come from the log {log.name}.", code="bundle.checkpoint")


def _check_witnesses(note: str, trust: Trust) -> Step:
    if not trust.quorum:
        return Step("witnesses", State.OFF, "The trust file asks for no witnesses.")
    counts = {
        "seen": quorum(note, trust.witnesses, 0),
        "total": len({witness.public_key for witness in trust.witnesses}),
    }
    state = State.TRUE if counts["seen"] >= trust.quorum else State.UNKNOWN
    detail = f"{counts['seen']} of {counts['total']}; {trust.quorum} needed."
    return Step("witnesses", state, detail, params=counts)


def _check_key(key: TrustedKey | None, number: int) -> Step:
    if key is None:
        return Step("key", State.UNKNOWN, "The trust file does not have the key.")
    if not key.holds_at(number):
        span = f"{key.first} to {'now' if key.end is None else key.end - 1}"
        raise NotTrue(f"The key is valid for entries {span}, not for entry {number}.", code="certificate.key")
    return Step("key", State.TRUE, f"The key was valid at entry {number}.")


def _check_status(
    logged: Logged, certificate: Credential, issued: Proof, trust: Trust, now: datetime
) -> Step:
    place, status = certificate.status, Credential.read(logged.jws)
    if (status.id, status.issuer) != (place.list_url, certificate.issuer):
        raise NotTrue("The status list is not the one that the certificate names.", code="bundle.status")
    key = trust.key(status.issuer, status.kid)
    if key is None:
        return Step("status", State.UNKNOWN, f"The trust file has no key {status.kid}.")
    proof = _check_list(logged, key.public_key)
    if proof.checkpoint_note != issued.checkpoint_note:
        raise NotTrue("The two proofs use different checkpoints.", code="bundle.checkpoint")
    _check_key(key, proof.index)
    if is_revoked(status, place.index):
        raise NotTrue("The issuer has revoked this certificate.", code="certificate.revoked")
    if proof.index < max(issued.index, trust.status_lists.get(status.id, 0)):
        return Step("status", State.UNKNOWN, f"The list of entry {proof.index} is not the newest.")
    age = _describe_age(status, now)
    return Step("status", State.TRUE, f"Not revoked in the list of entry {proof.index}, {age} old.")


@lru_cache(maxsize=64)
def _check_list(logged: Logged, public_key: bytes) -> Proof:
    status = Credential.read(logged.jws)
    status.verify(public_key)
    _check_entry(logged, "statuslist.publish", status)
    return _check_inclusion(logged)[0]


def _describe_age(status: Credential, now: datetime) -> str:
    seconds = max(0, int((now - status.valid_from).total_seconds()))
    for length_s, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length_s:
            return f"{seconds // length_s} {unit}"
    return f"{seconds} seconds"


def run(file: Path, trust_file: Path, *, as_json: bool) -> int:
    """Print the report of a file, return the exit status. Raises Rejected (`bundle.file`, `bundle.trust`)."""
    trust = Trust.from_json(_read_file(trust_file))
    try:
        report = verify(Bundle.from_json(_read_file(file)), trust, datetime.now(UTC))
    except NotTrue as error:
        report = Report((Step("bundle", State.FALSE, str(error), error.code),))
    if as_json:
        lines = [json.dumps({"outcome": report.outcome, "steps": [asdict(step) for step in report.steps]})]
    else:
        steps = [f"{step.name:<11} {step.state:<8} {step.detail}" for step in report.steps]
        lines = [report.outcome.replace("_", " "), *steps]
    for line in lines:
        # The report quotes parts of a file that may be forged. They must not control the terminal.
        sys.stdout.write((line if line.isprintable() else ascii(line)[1:-1]) + "\n")
    return report.exit_status


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise Rejected(
            f"We cannot read {path}: {error.strerror}.", code="bundle.file", path=str(path)
        ) from error
    if len(data) > FILE_BYTES:
        raise Rejected(f"{path} is larger than {FILE_BYTES} bytes.", code="bundle.file", path=str(path))
    return data


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status. Loads only what the verification needs."""
    parser = argparse.ArgumentParser("authcheck verify-bundle", description="Verify a certificate offline.")
    parser.add_argument("file", type=Path, metavar="FILE", help="the bundle to verify")
    trust_help = "the trust file with the keys of the log, the witnesses and the issuers"
    parser.add_argument("--trust", type=Path, required=True, metavar="FILE", help=trust_help)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(words)
    try:
        return run(options.file, options.trust, as_json=options.json)
    except AuthcheckError as error:
        sys.stderr.write(f"authcheck: {error} [{error.code}]\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
