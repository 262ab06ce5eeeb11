"""A bundle verifies offline. Every known way to cheat with a bundle fails at the step that must stop it."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import bundle_made as made
import pytest
from bundle_made import ACME, GLOBEX, LATER, UNIT, World

from authcheck.errors import NotTrue, Rejected
from authcheck.proofs import bundle as bundles
from authcheck.proofs.bundle import Bundle, State
from authcheck.proofs.trust import Trust, TrustedKey, decode_base64url, encode_base64url
from authcheck.tlog import note
from authcheck.tlog.note import Cosigner, Verifier


@pytest.fixture
def world() -> World:
    """Return a new log for each test."""
    return World()


def failing(bundle: Bundle, trust: Trust) -> tuple[str, str]:
    """Return the step at which a bundle fails and the code. Check that no later step counts as checked."""
    report = bundles.verify(bundle, trust, LATER)
    assert report.failed is not None
    assert report.exit_status == 1
    place = report.steps.index(report.failed)
    assert {step.state for step in report.steps[place + 1 :]} <= {State.UNKNOWN}
    assert [step.name for step in report.steps] == list(bundles.STEPS)
    return report.failed.name, report.failed.code


def forged(world: World, signed: str, **words: Any) -> Bundle:
    """Return a bundle around a logged certificate, so that only the certificate itself can fail."""
    return world.bundle(world.issue(signed, **words), world.publish(world.sign(made.status_list())))


def swapped(bundle: Bundle, **fields: str) -> Bundle:
    """Return the bundle with other content for its certificate."""
    return dataclasses.replace(bundle, certificate=dataclasses.replace(bundle.certificate, **fields))


def proof_with(bundle: Bundle, **changes: Any) -> Bundle:
    """Return the bundle with another proof of its certificate."""
    proof = dataclasses.replace(note.read_proof(bundle.certificate.proof), **changes)
    return swapped(bundle, proof=note.proof_text(proof.index, proof.hashes, proof.checkpoint_note))


def test_a_good_bundle_is_good(world: World) -> None:
    """Every step is true and reports its details."""
    report = bundles.verify(Bundle.from_json(json.dumps(world.good().to_json())), world.trust(), LATER)
    assert (report.outcome, report.exit_status) == ("good", 0)
    assert [step.name for step in report.steps] == list(bundles.STEPS)
    assert {step.state for step in report.steps} == {State.TRUE}
    assert report.steps[4].detail == "2 of 2; 2 needed."
    assert report.steps[6].detail == "Not revoked in the list of entry 6, 3 days old."


@pytest.mark.parametrize("before", [0, 1, 250, 255, 256, 300])
def test_trees_of_all_sizes(before: int) -> None:
    """Bundles verify at the edge of a tile and for the very first entry."""
    world = World(before=before, after=before % 3)
    assert bundles.verify(world.good(), world.trust(), LATER).outcome == "good"


def test_entries_may_name_an_agent(world: World) -> None:
    """A certificate and a status list that an agent logged for the brand are the brand's."""
    issued = world.issue(world.sign(made.certificate()), agent="org_01H455VB4PEX5VSKNK084SN02Q")
    published = world.publish(world.sign(made.status_list()), agent="org_01H455VB4PEX5VSKNK084SN02Q")
    assert bundles.verify(world.bundle(issued, published), world.trust(), LATER).outcome == "good"


@pytest.mark.parametrize("field", ["h", "iss", "kid"])
def test_attack_an_agent_s_entry_of_another_document(world: World, field: str) -> None:
    """The field `agent` replaces no other field: an entry that differs elsewhere vouches for nothing."""
    issued = world.issue(world.sign(made.certificate()), agent="org_1", **{field: "another"})
    published = world.publish(world.sign(made.status_list()))
    assert failing(world.bundle(issued, published), world.trust()) == ("entry", "bundle.entry")


def test_eddsa_is_the_older_name_of_the_same(world: World) -> None:
    """Certificates signed under the older name of the algorithm are valid."""
    bundle = forged(world, world.sign(made.certificate(), alg="EdDSA"))
    assert bundles.verify(bundle, world.trust(), LATER).outcome == "good"


@pytest.mark.parametrize("alg", ["none", "NONE", "HS256", "ES256", "", None, ["Ed25519"]])
def test_attack_alg_none(world: World, alg: Any) -> None:
    """A certificate without an algorithm, or with one that makes a public key a secret, is refused."""
    signed = world.sign(made.certificate(), alg=alg)
    bare = signed.rpartition(".")[0] + "."
    for attack in (signed, bare):
        assert failing(forged(world, attack), world.trust()) == ("signature", "certificate.algorithm")


def test_attack_no_signature(world: World) -> None:
    """The right algorithm without a signature is refused."""
    bare = world.sign(made.certificate()).rpartition(".")[0] + "."
    assert failing(forged(world, bare), world.trust()) == ("signature", "certificate.signature")


@pytest.mark.parametrize("claim", ["vc", "vp"])
def test_attack_a_second_credential_inside(world: World, claim: str) -> None:
    """Readers of VC 1.1 would read another credential than we do."""
    signed = world.sign(made.certificate(**{claim: made.certificate(issuer=made.GLOBEX)}))
    assert failing(forged(world, signed), world.trust()) == ("signature", "certificate.malformed")


@pytest.mark.parametrize("header", [{"crit": ["b64"], "b64": False}, {"jwk": {}}, {"typ": "JWT"}])
def test_attack_other_headers(world: World, header: dict[str, Any]) -> None:
    """Headers that would change the verified bytes or the key are refused."""
    signed = world.sign(made.certificate(), **header)
    assert failing(forged(world, signed), world.trust()) == ("signature", "certificate.malformed")


def test_attack_wrong_key(world: World) -> None:
    """A stranger's key under the brand's key id is refused."""
    signed = made.jws(made.certificate(), made.private_key("stranger"), f"{ACME}#key-1")
    assert failing(forged(world, signed), world.trust()) == ("signature", "certificate.signature")


def test_attack_key_of_another_organisation(world: World) -> None:
    """A rival member with its own key cannot issue in the brand's name."""
    signed = made.jws(made.certificate(), world.keys[GLOBEX], f"{GLOBEX}#key-1")
    assert failing(forged(world, signed, did=GLOBEX), world.trust()) == ("signature", "certificate.issuer")


def test_attack_revoked_key_after_its_entry(world: World) -> None:
    """A leaked key signs on after its revocation. Only its earlier signatures stay valid."""
    bundle = world.good()
    for end, outcome in ((5, "not_true"), (6, "unknown"), (7, "good")):
        key = dataclasses.replace(world.trust().issuers[ACME].keys[f"{ACME}#key-1"], end=end)
        issuer = dataclasses.replace(world.trust().issuers[ACME], keys={f"{ACME}#key-1": key})
        trust = world.trust(issuers={ACME: issuer})
        if end == 5:
            assert failing(bundle, trust) == ("key", "certificate.key")
        elif end == 6:  # the certificate is valid, but not the list that the revoked key signed
            assert failing(bundle, trust) == ("status", "certificate.key")
        else:
            assert bundles.verify(bundle, trust, LATER).outcome == outcome


def test_attack_key_before_its_entry(world: World) -> None:
    """A certificate that was logged before its key was is refused."""
    public_key = world.keys[ACME].public_key().public_bytes_raw()
    issuer = bundles.Trust.from_json(json.dumps(world.trust().to_json())).issuers[ACME]
    later = dataclasses.replace(issuer, keys={f"{ACME}#key-1": TrustedKey(public_key, 6, None)})
    assert failing(world.good(), world.trust(issuers={ACME: later})) == ("key", "certificate.key")


def test_attack_changed_payload(world: World) -> None:
    """Another serial number under the old signature is refused."""
    bundle = world.good()
    head, _, signature = bundle.certificate.jws.split(".")
    payload = made.base64url(json.dumps(made.certificate(validFrom="2027-01-01T00:00:00Z")).encode())
    assert failing(swapped(bundle, jws=f"{head}.{payload}.{signature}"), world.trust()) == (
        "signature",
        "certificate.signature",
    )


def test_attack_second_certificate_on_one_entry(world: World) -> None:
    """A brand signs twice under one id and shows the certificate that the log does not hold."""
    bundle = world.good()
    second = world.sign(made.certificate(validFrom="2026-11-23T11:00:01Z"))
    assert failing(swapped(bundle, jws=second), world.trust()) == ("entry", "bundle.entry")


def test_attack_swapped_entry(world: World) -> None:
    """The entry of another certificate in the log does not prove this one."""
    bundle = world.good()
    other = world.issue(world.sign(made.certificate(id="urn:uuid:other")), "urn:uuid:other")
    attack = swapped(bundle, entry=other[1], proof=world.proof(other[2], world.checkpoint()))
    assert failing(attack, world.trust()) == ("entry", "bundle.entry")


def test_attack_swapped_hash(world: World) -> None:
    """A proof with one changed hash is refused."""
    bundle = world.good()
    hashes = note.read_proof(bundle.certificate.proof).hashes
    for place in range(len(hashes)):
        attack = [*hashes[:place], b"\x00" * 32, *hashes[place + 1 :]]
        assert failing(proof_with(bundle, hashes=attack), world.trust()) == ("inclusion", "proof.invalid")
    assert failing(proof_with(bundle, hashes=hashes[::-1]), world.trust()) == ("inclusion", "proof.invalid")


def test_attack_short_and_long_proofs(world: World) -> None:
    """A proof with one hash too few, one too many, or none is refused."""
    bundle = world.good()
    hashes = note.read_proof(bundle.certificate.proof).hashes
    for attack in (hashes[:-1], [*hashes, hashes[0]], []):
        assert failing(proof_with(bundle, hashes=attack), world.trust()) == ("inclusion", "proof.invalid")


def test_attack_entry_not_in_the_log(world: World) -> None:
    """A made-up entry with the right hash and the proof of a real entry is refused."""
    bundle = world.good()
    entry = bundle.certificate.entry.replace("12:00:00.000000Z", "12:00:00.000001Z")
    assert failing(swapped(bundle, entry=entry), world.trust()) == ("inclusion", "proof.invalid")


def test_attack_proof_of_another_log(world: World) -> None:
    """The same certificate in the attacker's own log is refused, under another name or under ours."""
    for origin in ("mallory.example/ledger", made.ORIGIN):
        other = World(origin)
        other.signer = dataclasses.replace(other.signer, key=made.private_key("mallory"))
        assert failing(other.good(), world.trust()) in {
            ("checkpoint", "bundle.checkpoint"),
            ("checkpoint", "note.signature"),
        }


def test_attack_forged_checkpoint_signature(world: World) -> None:
    """The log's name and key id over a false signature are refused."""
    bundle = world.good()
    proof = note.read_proof(bundle.certificate.proof)
    lines = proof.checkpoint_note.split("\n")
    kept = decode_base64url(lines[4].split(" ")[2].replace("+", "-").replace("/", "_").rstrip("="))
    lines[4] = str(note.SignatureLine(made.ORIGIN, kept[:4], kept[4:-1] + bytes([kept[-1] ^ 1])))[:-1]
    attack = proof_with(bundle, checkpoint_note="\n".join(lines))
    assert failing(attack, world.trust()) == ("checkpoint", "note.signature")


def test_attack_reordered_cosignatures(world: World) -> None:
    """Cosignatures count the same in any order, and each counts once."""
    issued, published = (
        world.issue(world.sign(made.certificate())),
        world.publish(world.sign(made.status_list())),
    )
    first, second = world.cosigners
    for order, seen, outcome in (
        ((second, first), 2, "good"),
        ((first, first, first), 1, "unknown"),
        ((), 0, "unknown"),
    ):
        report = bundles.verify(
            world.bundle(issued, published, world.checkpoint(order)), world.trust(), LATER
        )
        assert (report.steps[4].detail, report.outcome) == (f"{seen} of 2; 2 needed.", outcome)


def test_attack_cosignatures_under_swapped_names(world: World) -> None:
    """Each witness's line carries the other witness's signature. The bundle is refused."""
    issued, published = (
        world.issue(world.sign(made.certificate())),
        world.publish(world.sign(made.status_list())),
    )
    signed = world.checkpoint()
    _, lines = note.read_note(signed)
    one, two = (line.signature for line in lines[1:])
    plain = signed.partition("— w1")[0]
    attack = plain + "".join(
        str(dataclasses.replace(line, signature=other))
        for line, other in zip(lines[1:], (two, one), strict=True)
    )
    assert failing(world.bundle(issued, published, attack), world.trust()) == ("witnesses", "note.signature")


def test_attack_one_witness_key_under_two_names(world: World) -> None:
    """One operator poses as two witnesses. Keys are counted, not names."""
    twin = Cosigner("w3.example", world.cosigners[0].key)
    issued, published = (
        world.issue(world.sign(made.certificate())),
        world.publish(world.sign(made.status_list())),
    )
    signed = world.checkpoint([world.cosigners[0], twin])
    trust = world.trust(witnesses=(*world.trust().witnesses, twin.verifier))
    report = bundles.verify(world.bundle(issued, published, signed), trust, LATER)
    assert (report.steps[4].state, report.steps[4].detail) == (State.UNKNOWN, "1 of 2; 2 needed.")


def test_no_witness_asked_for_is_said(world: World) -> None:
    """A switched-off check is reported as off, not as true."""
    report = bundles.verify(world.good(), world.trust(witnesses=(), quorum=0), LATER)
    assert (report.steps[4].state, report.outcome) == (State.OFF, "good")


def test_a_revoked_certificate_is_revoked(world: World) -> None:
    """If the revocation bit is set, every other step is true and the result is false."""
    issued = world.issue(world.sign(made.certificate()))
    bundle = world.bundle(issued, world.publish(world.sign(made.status_list(6, 7))))
    report = bundles.verify(bundle, world.trust(), LATER)
    assert (report.outcome, report.exit_status) == ("revoked", 1)
    assert failing(bundle, world.trust()) == ("status", "certificate.revoked")


def test_attack_stale_status_list(world: World) -> None:
    """With a list from before the revocation, a verifier that knows of a newer list cannot tell."""
    issued = world.issue(world.sign(made.certificate()))
    old = world.publish(world.sign(made.status_list()))
    new = world.publish(world.sign(made.status_list(7)))
    bundle = world.bundle(issued, old)
    assert bundles.verify(bundle, world.trust(), LATER).outcome == "good"
    report = bundles.verify(bundle, world.trust(status_lists={made.LIST_URL: new[2]}), LATER)
    assert (report.outcome, report.exit_status) == ("unknown", 3)
    assert report.steps[6].detail == "The list of entry 6 is not the newest."


def test_attack_status_list_from_before_the_certificate(world: World) -> None:
    """A list that is older than the certificate proves nothing about it."""
    old = world.publish(world.sign(made.status_list()))
    bundle = world.bundle(world.issue(world.sign(made.certificate())), old)
    report = bundles.verify(bundle, world.trust(), LATER)
    assert (report.steps[6].state, report.exit_status) == (State.UNKNOWN, 3)


@pytest.mark.parametrize(
    "changes", [{"id": "https://authcheck.example/v1/status-lists/acme/1"}, {"issuer": GLOBEX}]
)
def test_attack_another_status_list(world: World, changes: dict[str, str]) -> None:
    """A good list of another number or of another brand is refused."""
    issued = world.issue(world.sign(made.certificate()))
    listed = made.status_list(**changes)
    signed = world.sign(listed, listed["issuer"])
    bundle = world.bundle(issued, world.publish(signed, listed["id"]))
    assert failing(bundle, world.trust()) == ("status", "bundle.status")


def test_attack_status_list_of_another_checkpoint(world: World) -> None:
    """A list proved under an older checkpoint than the certificate is refused."""
    issued, published = (
        world.issue(world.sign(made.certificate())),
        world.publish(world.sign(made.status_list())),
    )
    bundle = world.bundle(issued, published)
    world.record("design.register", "dsn_later")
    later = world.bundle(issued, published)
    attack = dataclasses.replace(later, status=bundle.status)
    assert failing(attack, world.trust()) == ("status", "bundle.checkpoint")


def test_attack_status_list_not_in_the_log(world: World) -> None:
    """A brand could deny a list that it signed and never logged, so the list is refused."""
    bundle = world.good()
    hidden = world.sign(made.status_list(validFrom="2026-11-23T11:31:00Z"))
    attack = dataclasses.replace(bundle, status=dataclasses.replace(bundle.status, jws=hidden))
    assert failing(attack, world.trust()) == ("status", "bundle.entry")


@pytest.mark.parametrize(
    "encoded",
    ["", "z1", "uAAAA", "u" + made.base64url(made.gzip.compress(bytes(16_383))),
     "u" + made.base64url(made.gzip.compress(bytes(50_000_000)))],
    ids=["empty", "base58", "no gzip", "too short", "bomb"],
)  # fmt: skip
def test_attack_malformed_status_list(world: World, encoded: str) -> None:
    """An unreadable list is refused and not taken for a list without revocations."""
    listed = made.status_list()
    listed["credentialSubject"]["encodedList"] = encoded
    issued = world.issue(world.sign(made.certificate()))
    bundle = world.bundle(issued, world.publish(world.sign(listed)))
    assert failing(bundle, world.trust()) == ("status", "certificate.malformed")


@pytest.mark.parametrize("index", ["131072", "-1", "07", "7.0", "9" * 5000, "", "\u0667", None])
def test_attack_place_outside_the_list(world: World, index: Any) -> None:
    """A certificate whose place is outside the list is refused."""
    status = {**made.certificate()["credentialStatus"], "statusListIndex": index}
    bundle = forged(world, world.sign(made.certificate(credentialStatus=status)))
    assert failing(bundle, world.trust()) == ("status", "certificate.malformed")


def test_an_issuer_nobody_vouches_for_is_unknown(world: World) -> None:
    """If the trust file does not know the issuer, the verifier reports that it cannot tell."""
    report = bundles.verify(world.good(), world.trust(issuers={}), LATER)
    unknown = [step.name for step in report.steps if step.state is State.UNKNOWN]
    assert (unknown, report.exit_status) == (["signature", "key", "status"], 3)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"v":1}', '{"v":1,"certificate":1,"entry":"","proof":"","status":{}}', "[" * 9999,
     '{"v":2,"certificate":"a","entry":"a","proof":"a","status":{"list":"a","entry":"a","proof":"a"}}',
     '{"v":1,"certificate":"\\ud800","entry":"a","proof":"a","status":{"list":"a","entry":"a","proof":"a"}}'],
    ids=range(9),
)  # fmt: skip
def test_what_is_no_bundle_is_refused(text: str) -> None:
    """Invalid JSON, another shape, another version and invalid text are refused."""
    with pytest.raises(NotTrue) as refused:
        Bundle.from_json(text)
    assert refused.value.code == "bundle.malformed"


def test_what_is_no_trust_is_refused(world: World) -> None:
    """Nothing is verified against an incomplete trust file."""
    good = world.trust().to_json()
    assert Trust.from_json(json.dumps(good)) == world.trust()
    wrong: list[dict[str, Any]] = [
        {"v": 2}, {"log": {}}, {"log": {**good["log"], "origin": "other"}}, {"quorum": 3}, {"quorum": -1}, {"quorum": True},
        {"witnesses": ["x"]}, {"issuers": []}, {"status_lists": {"a": "1"}},
        {"issuers": {ACME: {"name": "A", "keys": [{"kid": "k", "public_key": "AA==", "from": 0, "until": None}]}}},
    ]  # fmt: skip
    for change in wrong:
        with pytest.raises(Rejected) as refused:
            Trust.from_json(json.dumps({**good, **change}))
        assert refused.value.code == "bundle.trust"


def test_base64url_has_one_spelling() -> None:
    """Another spelling of the same bytes would give the same certificate another hash."""
    assert decode_base64url(encode_base64url(b"\xff\xfe\xfd\xfc")) == b"\xff\xfe\xfd\xfc"
    for text in ("AA==", "AB", "A", "A+/A", "A A", "AAA\n", "é"):
        with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
            decode_base64url(text)


def test_the_same_vkey_is_read_back(world: World) -> None:
    """The log's vkey in trust.json is the key that signs."""
    assert Verifier.from_vkey(world.trust().to_json()["log"]["vkey"]) == world.signer.verifier


def written(folder: Path, bundle: Any, trust: Any) -> list[str]:
    """Return the arguments of a command line over two files."""
    (folder / "bundle.json").write_text(bundle if isinstance(bundle, str) else json.dumps(bundle))
    (folder / "trust.json").write_text(json.dumps(trust))
    return [str(folder / "bundle.json"), "--trust", str(folder / "trust.json")]


def test_the_command_loads_no_database_no_web_and_no_pictures(world: World, tmp_path: Path) -> None:
    """`python -m authcheck.proofs.bundle` loads only modules that verifying needs."""
    words = written(tmp_path, world.good().to_json(), world.trust().to_json())
    code = (
        "import sys; from authcheck.proofs.bundle import main; status = main(sys.argv[1:]);"
        "loaded = {name.partition('.')[0] for name in sys.modules};"
        "print(sorted(loaded & {'sqlalchemy', 'fastapi', 'starlette', 'PIL', 'pydantic', 'numpy'})); sys.exit(status)"
    )
    done = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("good", "[]")


def test_exit_statuses(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status is 0 for good, 1 for not true, 2 for an unreadable file, 3 for cannot tell.

    1 names the step.
    """
    bundle, trust = world.good().to_json(), world.trust().to_json()
    assert bundles.main(written(tmp_path, bundle, trust)) == 0
    assert bundles.main(written(tmp_path, bundle, {**trust, "issuers": {}})) == 3
    assert bundles.main(written(tmp_path, {**bundle, "proof": "x\x1b[2J"}, trust)) == 1
    assert "inclusion   false" in capsys.readouterr().out
    words = [*written(tmp_path, "no JSON", trust), "--json"]
    assert bundles.main(words) == 1
    assert json.loads(capsys.readouterr().out)["steps"][0]["code"] == "bundle.malformed"
    assert bundles.main([str(tmp_path / "none.json"), "--trust", words[2]]) == 2
    assert bundles.main([words[0], "--trust", words[0]]) == 2
    assert "[bundle.trust]" in capsys.readouterr().err


def test_text_of_a_forger_does_not_reach_the_terminal(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text quoted from a forged file has its control characters escaped."""
    signed = world.sign(made.certificate(issuer="\x1b[2J"), kid="\x1b[2J#key-1")
    bundle = world.bundle(world.issue(signed, UNIT), world.publish(world.sign(made.status_list())))
    assert bundles.main(written(tmp_path, bundle.to_json(), world.trust().to_json())) == 1
    assert "\x1b" not in capsys.readouterr().out
