"""The decisions that a moderator can make, with their reasons and what the marketplace is asked to do."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, Self, get_args

from authcheck.errors import Rejected

MOST_NOTE_CHARS = 2000
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
Restriction = Literal["none", "label", "hide", "remove"]
RESTRICTIONS: tuple[str, ...] = get_args(Restriction)


class Code(StrEnum):
    """The decisions, in the order of their keys 1 to 7."""

    COUNTERFEIT = "counterfeit"  # goods falsely marked: only a person says so, never a machine
    UNLICENSED_USE = "unlicensed_use"
    LICENCE_BREACH = "licence_breach"
    FALSE_CERTIFICATE = "false_certificate"
    NOT_INFRINGING = "not_infringing"
    WRONG_MATCH = "wrong_match"
    CANNOT_TELL = "cannot_tell"


ACCUSING = frozenset({Code.COUNTERFEIT, Code.UNLICENSED_USE, Code.LICENCE_BREACH, Code.FALSE_CERTIFICATE})
"""The decisions against a seller. All others ask for no restriction."""

REASONS: Mapping[Code, tuple[str, ...]] = {
    Code.COUNTERFEIT: ("goods.false_mark", "goods.differs", "goods.test_purchase", "goods.admitted"),
    Code.UNLICENSED_USE: ("listing.no_licence", "licence.not_accepted", "image.exact_copy", "use.imitation"),
    Code.LICENCE_BREACH: (
        "licence.accepted_later",
        "licence.revoked",
        "licence.lapsed",
        "licence.not_started",
        "licence.other_design",
        "licence.territory",
        "licence.goods",
        "licence.channel",
        "licence.over_cap",
        "licence.superseded",
    ),
    Code.FALSE_CERTIFICATE: (
        "certificate.revoked",
        "certificate.not_true",
        "certificate.not_found",
        "certificate.malformed",
        "certificate.no_right_at_issue",
        "certificate.clone",
        "certificate.other_design",
        "certificate.other_issuer",
    ),
    Code.NOT_INFRINGING: ("use.resale", "use.licensed", "use.parody", "use.descriptive", "use.own_work"),
    Code.WRONG_MATCH: ("match.other_work", "match.common_motif", "match.backdrop"),
    Code.CANNOT_TELL: ("unclear.picture", "unclear.right", "unclear.certificate"),
}
"""The reasons of each decision. Those that a verdict can give, too, have the verdict's codes."""

CONTRACT_ONLY = frozenset({"licence.over_cap"})
"""Breaches between the two parties of a licence. They make no listing illegal, so nothing is taken down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a moderator decides: the decision, its reason, what the marketplace is asked to do, and a note."""

    code: str
    reason: str
    restriction: str
    note: str = ""

    def checked(self) -> Self:
        """Return the ruling with its note trimmed.

        Raises Rejected (`decision.code`, `decision.reason`, `decision.restriction`, `decision.note`).
        """
        if self.code not in set(Code):
            raise Rejected(f"Choose one of these decisions: {', '.join(Code)}.", code="decision.code")
        reasons = REASONS[Code(self.code)]
        if self.reason not in reasons:
            raise Rejected(
                f"The decision {self.code} needs one of these reasons: {', '.join(reasons)}.",
                code="decision.reason",
                decision=self.code,
            )
        possible = restrictions_of(Code(self.code), self.reason)
        if self.restriction not in possible:
            raise Rejected(
                f"With the decision {self.code} for the reason {self.reason} you can ask for:"
                f" {', '.join(possible)}.",
                code="decision.restriction",
                decision=self.code,
                reason=self.reason,
            )
        return replace(self, note=checked_text(self.note, "decision.note", needed=False))


def restrictions_of(code: Code, reason: str) -> tuple[str, ...]:
    """Return what a decision for this reason may ask of the marketplace, the usual request last."""
    return RESTRICTIONS if code in ACCUSING and reason not in CONTRACT_ONLY else ("none",)


def suggest(code: Code, seen: Iterable[str]) -> str:
    """Return the likely reason of a decision: the first of `seen` that fits, else the first of the decision.

    `seen` are the codes of the listings' reasons by falling weight.
    """
    return next((reason for reason in seen if reason in REASONS[code]), REASONS[code][0])


def checked_text(text: str, code: str, *, needed: bool = True) -> str:
    """Return a text of a moderator without white space at its ends.

    Raises Rejected (`code`) for more than 2,000 characters, for control characters other than line ends and
    tabs and, if a text is needed, for no text.
    """
    text = text.strip()
    if len(text) > MOST_NOTE_CHARS or (needed and not text) or CONTROL.search(text):
        raise Rejected(
            f"Write {'1' if needed else '0'} to {MOST_NOTE_CHARS} characters, without control characters.",
            code=code,
            limit=MOST_NOTE_CHARS,
        )
    return text
