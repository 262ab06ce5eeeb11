"""The rule book of listings, tested alone."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.i18n import LANGUAGES
from authcheck.errors import BadSetting, NotTrue
from authcheck.licences.terms import Breach
from authcheck.listings.evidence import CertificateSeen, DesignSeen, Evidence, LicenceSeen
from authcheck.listings.policies import (
    CURRENT_LISTING_POLICY,
    LISTING_POLICIES,
    WEIGHTS,
    WORST_FIRST,
    listing_policy_named,
)
from authcheck.listings.rules import Decision, decide

PARAMS: dict[str, dict[str, str | int]] = {
    "licence.not_accepted": {},
    "licence.accepted_later": {"days": 1, "accepted": "2026-02-01"},
    "licence.revoked": {"days": 3},
    "licence.superseded": {"days": 4},
    "licence.lapsed": {"days": 12, "ended": "2026-01-31"},
    "licence.not_started": {"days": 1, "starts": "2026-03-01"},
    "licence.other_design": {},
    "licence.territory": {"territory": "DE", "allowed": "FR, IT"},
    "licence.goods": {"goods": "28", "allowed": "25"},
    "licence.channel": {"channel": "bigmarket/shop", "allowed": "other"},
    "licence.over_cap": {"units": 9400, "cap": 9000},
}
VALID = LicenceSeen(licence_id="lic_valid", breaches=())
TWIN = LicenceSeen(licence_id="lic_zwin", breaches=(), twin="KITE-WEB")
SEVERITIES = ("none", "low", "medium", "high")


def design(**words: Any) -> DesignSeen:
    """Return a matched design of acme."""
    given = {"design_id": "dsn_1", "reference": "KITE", "owner": "acme", "verdict": "match", "score": 0.97}
    return DesignSeen(**{**given, **words})


def broken(*codes: str, licence_id: str = "lic_1") -> LicenceSeen:
    """Return a licence with these terms broken."""
    return LicenceSeen(licence_id=licence_id, breaches=tuple(Breach(code, PARAMS[code]) for code in codes))


def certificate(outcome: Any = "good", **words: Any) -> CertificateSeen:
    """Return a certificate of acme about its design."""
    return CertificateSeen(
        outcome=outcome, **{"design_id": "dsn_1", "issuer": "acme", "right_at_issue": True, **words}
    )


def judged(*designs: DesignSeen, **words: Any) -> Decision:
    """Return the decision on these designs."""
    return decide(Evidence(designs=designs, pictures=1, **words), CURRENT_LISTING_POLICY)


def codes(decision: Decision) -> list[str]:
    """Return the codes of its reasons."""
    return [reason.code for reason in decision.reasons]


licences = st.lists(
    st.builds(
        LicenceSeen,
        licence_id=st.sampled_from([f"lic_{number}" for number in range(9)]),
        breaches=st.lists(st.sampled_from(sorted(PARAMS)), max_size=3, unique=True).map(
            lambda found: tuple(Breach(code, PARAMS[code]) for code in found)
        ),
        twin=st.sampled_from(["", "KITE-WEB"]),
    ),
    max_size=3,
    unique_by=lambda one: one.licence_id,
).map(tuple)
designs = st.builds(
    DesignSeen,
    design_id=st.sampled_from(["dsn_1", "dsn_2", "dsn_3"]),
    reference=st.sampled_from(["KITE", "OWL\x00", "100% “<b>”"]),
    owner=st.sampled_from(["acme", "other"]),
    verdict=st.sampled_from(["match", "lookalike"]),
    score=st.floats(0.5, 1),
    pictures=st.lists(st.integers(0, 11), unique=True).map(tuple),
    exact_copy=st.booleans(),
    disputed=st.booleans(),
    seller_is_owner=st.booleans(),
    licences=licences,
    twin_certified=st.booleans(),
)
certificates = st.builds(
    CertificateSeen,
    outcome=st.sampled_from(["good", "revoked", "not_true", "unknown", "unsigned", "not_found", "malformed"]),
    failed=st.sampled_from(["", "certificate.revoked"]),
    design_id=st.sampled_from([None, "dsn_1", "dsn_2", "dsn_9"]),
    issuer=st.sampled_from([None, "acme", "stranger"]),
    issuer_is_seller=st.booleans(),
    right_at_issue=st.sampled_from([None, True, False]),
    clone_reasons=st.sampled_from([(), ("scan.travel",), ("scan.travel", "scan.many")]),
)
evidences = st.builds(
    Evidence,
    designs=st.lists(designs, max_size=3, unique_by=lambda one: one.design_id).map(tuple),
    certificate=st.none() | certificates,
    seller_known=st.booleans(),
    pictures=st.just(12),
    unreadable=st.integers(0, 3),
)


@pytest.mark.parametrize(
    ("designs", "seen", "code", "severity", "reason"),
    [
        ((design(seller_is_owner=True),), None, "licensed", "none", "listing.owner_sells"),
        ((design(licences=(VALID,)),), None, "licensed", "none", "listing.licensed"),
        ((design(licences=(VALID,)),), certificate(), "licensed", "none", "certificate.good"),
        ((design(licences=(VALID,)),), certificate(is_suspended=True), "licensed", "none", "certificate.issuer_suspended"),
        ((design(),), certificate(is_suspended=True), "unlicensed_use", "medium", "certificate.issuer_suspended"),
        ((design(licences=(TWIN,)),), None, "licensed", "none", "listing.twin"),
        ((design(licences=(replace(TWIN, variant=True),)),), None, "licensed", "none", "listing.variant"),
        ((design(licences=(VALID,), twin_certified=True),), certificate(design_id="dsn_2"), "licensed", "none", "certificate.good"),
        ((design(),), None, "unlicensed_use", "medium", "listing.no_licence"),
        ((design(exact_copy=True),), None, "unlicensed_use", "medium", "image.exact_copy"),
        ((design(licences=(broken("licence.not_accepted"),)),), None, "unlicensed_use", "medium", "licence.not_accepted"),
        ((design(licences=(broken("licence.accepted_later"),)),), None, "licence_breach", "medium", "licence.accepted_later"),
        ((design(licences=(broken("licence.lapsed"),)),), None, "licence_breach", "medium", "licence.lapsed"),
        ((design(),), certificate(design_id="dsn_9"), "certificate_mismatch", "high", "certificate.other_design"),
        ((design(seller_is_owner=True),), certificate(issuer="x", right_at_issue=None), "certificate_mismatch", "high", "certificate.other_issuer"),
        ((), certificate("revoked"), "certificate_invalid", "high", "certificate.revoked"),
        ((), certificate("not_true"), "certificate_invalid", "high", "certificate.not_true"),
        ((), certificate("not_found"), "certificate_invalid", "high", "certificate.not_found"),
        ((), certificate("malformed"), "certificate_invalid", "high", "certificate.malformed"),
        ((), certificate(right_at_issue=False), "certificate_invalid", "high", "certificate.no_right_at_issue"),
        ((), certificate(clone_reasons=("scan.travel",)), "clone_suspected", "high", "certificate.clone"),
        ((design(verdict="lookalike"),), None, "lookalike", "low", "listing.lookalike"),
        ((design(disputed=True),), None, "lookalike", "low", "design.disputed"),
        ((design(disputed=True, seller_is_owner=True),), None, "lookalike", "low", "design.disputed"),
        ((design(verdict="lookalike", licences=(VALID,)),), None, "none", "none", "listing.near_own"),
        ((), None, "none", "none", "listing.nothing_found"),
        ((), certificate("unknown"), "none", "none", "certificate.cannot_tell"),
    ],
)  # fmt: skip
def test_every_row_of_the_table_is_reached(
    designs: tuple[DesignSeen, ...], seen: CertificateSeen | None, code: str, severity: str, reason: str
) -> None:
    """Each row of docs/listing-verdicts.md has an example that reaches it."""
    decision = judged(*designs, certificate=seen)
    assert (decision.code, decision.severity) == (code, severity)
    assert reason in codes(decision)


def test_the_licence_that_names_the_design_itself_counts_first() -> None:
    """With licences for the design and for its twin, the first is named, whichever is newer."""
    decision = judged(design(licences=(TWIN, VALID)))
    assert (decision.licence_id, codes(decision)) == ("lic_valid", ["listing.licensed"])
    lapsed = broken("licence.lapsed", licence_id="lic_9")
    own = replace(lapsed, licence_id="lic_1")
    assert judged(design(licences=(replace(lapsed, twin="WEB"), own))).licence_id == "lic_1"
    assert judged(design(licences=(TWIN, own))).licence_id == TWIN.licence_id


def test_evidence_of_an_earlier_release_decides_as_it_did() -> None:
    """Stored evidence without twins is read, and an unaccepted licence is still no licence."""
    stored = Evidence(designs=(design(licences=(broken("licence.not_accepted"),)),), pictures=1).to_json()
    for licence in stored["designs"][0]["licences"]:
        del licence["twin"]
    del stored["designs"][0]["twin_certified"]
    decision = decide(Evidence.from_json(stored), CURRENT_LISTING_POLICY)
    assert (decision.code, codes(decision)[:2]) == (
        "unlicensed_use",
        ["listing.no_licence", "licence.not_accepted"],
    )


def test_a_resold_unit_of_the_owner_is_no_mismatch() -> None:
    """A resold unit of the owner is no mismatch. The licence decides whether the shop may sell it."""
    assert judged(design(), certificate=certificate(right_at_issue=None)).code == "unlicensed_use"


def test_a_disputed_design_accuses_nobody_of_another_certificate() -> None:
    """Registering a copy cannot turn a good certificate of the original into a mismatch."""
    assert judged(design(disputed=True), certificate=certificate(design_id="dsn_9")).code == "lookalike"


def test_the_licence_that_breaks_least_is_told() -> None:
    """The licence with the fewest broken terms is reported.

    A replaced version is reported only if no other is left.
    """
    least = broken("licence.territory", licence_id="lic_2")
    others = (broken("licence.superseded"), broken("licence.goods", "licence.lapsed", licence_id="lic_3"))
    decision = judged(design(licences=(others[0], least, others[1])))
    assert (decision.licence_id, codes(decision)) == ("lic_2", ["licence.territory"])
    assert decision.reasons[0].params == {
        "design": "KITE",
        "owner": "acme",
        "territory": "DE",
        "allowed": "FR, IT",
    }


def test_a_verdict_rests_on_its_worst_design() -> None:
    """One licensed design does not clear another design beside it. The reasons of both are reported."""
    decision = judged(design(licences=(VALID,)), design(design_id="dsn_2", score=0.91))
    assert (decision.code, decision.design_id, decision.licence_id) == ("unlicensed_use", "dsn_2", None)
    assert codes(decision) == ["listing.no_licence", "listing.licensed", "listing.seller_unknown"]


@given(evidences, st.data())
def test_a_valid_licence_never_makes_it_worse(evidence: Evidence, data: st.DataObject) -> None:
    """Adding a covering licence never gives a worse verdict or a higher severity."""
    before = decide(evidence, CURRENT_LISTING_POLICY)
    if not evidence.designs:
        return
    at = data.draw(st.integers(0, len(evidence.designs) - 1))
    better = replace(evidence.designs[at], licences=(*evidence.designs[at].licences, VALID))
    found = (*evidence.designs[:at], better, *evidence.designs[at + 1 :])
    after = decide(replace(evidence, designs=found), CURRENT_LISTING_POLICY)
    assert WORST_FIRST.index(after.code) >= WORST_FIRST.index(before.code)
    assert SEVERITIES.index(after.severity) <= SEVERITIES.index(before.severity)


@given(evidences, st.randoms(use_true_random=False))
def test_no_order_matters(evidence: Evidence, random: Any) -> None:
    """The order of designs, pictures, licences and breaches does not change the decision."""

    def mixed(items: Any) -> Any:
        return tuple(random.sample(items, len(items)))

    def turned(one: DesignSeen) -> DesignSeen:
        held = tuple(replace(held, breaches=mixed(held.breaches)) for held in mixed(one.licences))
        return replace(one, pictures=mixed(one.pictures), licences=held)

    other = replace(evidence, designs=tuple(turned(one) for one in mixed(evidence.designs)))
    assert decide(other, CURRENT_LISTING_POLICY) == decide(evidence, CURRENT_LISTING_POLICY)


@given(evidences)
def test_evidence_survives_being_stored(evidence: Evidence) -> None:
    """Evidence read back from JSON gives the same decision again."""
    again = Evidence.from_json(json.loads(json.dumps(evidence.to_json(), allow_nan=False)))
    assert again == evidence
    assert decide(again, CURRENT_LISTING_POLICY) == decide(evidence, CURRENT_LISTING_POLICY)


@given(evidences)
def test_every_decision_is_sound(evidence: Evidence) -> None:
    """A decision has reasons, the weightiest first, each once.

    It is licensed only if all matched designs are.
    """
    decision = decide(evidence, CURRENT_LISTING_POLICY)
    weights = [reason.weight for reason in decision.reasons]
    assert weights
    assert weights == sorted(weights, reverse=True)
    assert all(decision.reasons.count(reason) == 1 for reason in decision.reasons)
    if decision.code == "licensed":
        matched = [one for one in evidence.designs if one.verdict == "match"]
        assert matched
        for one in matched:
            assert not one.disputed
            assert one.seller_is_owner or any(not held.breaches for held in one.licences)


@given(evidences)
def test_every_reason_has_a_sentence_in_both_languages(evidence: Evidence) -> None:
    """Every reason has a sentence of its own in both languages, with all its numbers."""
    for reason in decide(evidence, CURRENT_LISTING_POLICY).reasons:
        assert reason.code in WEIGHTS
        for language in LANGUAGES.values():
            sentence = language.sentence("reason", reason.code, reason.params)
            assert sentence != language.gettext("reason.unknown")


@pytest.mark.parametrize(
    "found", [{}, {"v": 2}, {"v": 1}, {**Evidence().to_json(), "designs": [1]}, {**Evidence().to_json(), "x": 1}]
)  # fmt: skip
def test_evidence_of_another_form_is_refused(found: Any) -> None:
    """A row of a newer release or a row that somebody edited is refused, not guessed at."""
    with pytest.raises(NotTrue) as refused:
        Evidence.from_json(found)
    assert refused.value.code == "listing.evidence"


def test_policies_are_found_by_their_names() -> None:
    """Each policy rates every verdict. An unknown policy is refused."""
    for name, policy in LISTING_POLICIES.items():
        assert listing_policy_named(name) is policy
        assert set(policy.severities) == set(WORST_FIRST)
    with pytest.raises(BadSetting) as refused:
        listing_policy_named("listing-0")
    assert refused.value.code == "policy.unknown"
