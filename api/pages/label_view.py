"""What the page of a label says, in the reader's words: its state, the reasons, and what to do now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from markupsafe import Markup

from authcheck.lookups.advice import Caution
from authcheck.lookups.cautions import ISSUER_SUSPENDED, NO_RIGHT, OWNER_SUSPENDED
from authcheck.lookups.lookup import LookUp
from authcheck.lookups.rights import IssuersRight
from authcheck.proofs.bundle import State, Step

from ..i18n import COUNTED, Language

MOST_REASONS = 3
FAMILY = "certificate"  # of the sentences
LabelState = Literal[
    "verified",
    "copied",
    "not_true",
    "revoked",
    "unknown",
    "unsigned",
    "missing",
    "slip",
    "foreign",
    "no_label",
    "several",
    "not_read",
    "code_needed",
    "enter",
    "limited",
    "unavailable",
]
CAUTIONS = (
    "scans.places",
    "scans.travel",
    "scans.repeat",
    "scans.off_market",
    "scans.after_sale",
    "scans.after_claim",
    "scans.past_date",
    "scans.inactive",
    NO_RIGHT,
    ISSUER_SUSPENDED,
    OWNER_SUSPENDED,
    "other",
)
BLOCKED = ("stolen", "missing", "diverted", "copied", "other")
FAILED = ("signature", "changed", "entry", "inclusion", "checkpoint", "witnesses", "key", "list", "other")
OPEN = ("signature", "witnesses", "key", "status", "other")
FACTS = {"signed": ("signature",), "logged": ("entry", "inclusion", "checkpoint"), "listed": ("status",)}
TONES: Mapping[str, str] = {
    "verified": "verified",
    "revoked": "revoked",
    **dict.fromkeys(("copied", "not_true", "missing", "slip", "foreign"), "careful"),
}
NEXT: Mapping[str, tuple[str, ...]] = {
    "verified": ("compare", "seal", "ask"),
    "copied": ("no_pay", "ask_code"),
    "not_true": ("no_rely", "ask_code"),
    "revoked": ("no_buy", "ask_code"),
    "unknown": ("again",),
    "unsigned": ("signed",),
    "missing": ("letters", "right"),
    "slip": ("retype", "printed"),
    "foreign": ("type",),
    "no_label": ("closer", "type"),
    "several": (),
    "not_read": ("closer", "type"),
    "code_needed": ("type", "no_code"),
    "enter": (),
    "limited": ("wait",),
    "unavailable": ("wait",),
}


@dataclass(frozen=True, slots=True)
class LabelView:
    """What the page says about a label, apart from its facts and its proof.

    `tone` names the colour and the icon. `right` says who made the item under which right. `notes` change
    nothing about the outcome.
    """

    state: LabelState
    tone: str
    reasons: tuple[Markup, ...] = ()
    steps: tuple[Markup, ...] = ()
    right: Markup | None = None
    notes: tuple[Markup, ...] = ()


def view_of(language: Language, found: LookUp, code: str, right: IssuersRight) -> LabelView:
    """Return what the page of a found label says. `code` is the code as it is printed."""
    state = _state_of(found)
    brand = found.unit.brand
    return LabelView(
        state,
        TONES.get(state, "cannot_tell"),
        tuple(_reasons(language, found))[:MOST_REASONS],
        next_steps(language, state, brand=brand, code=code),
        _right_sentence(language, found, right),
        tuple(_notes(language, found, right)),
    )


def view_without_unit(language: Language, state: LabelState, **values: Any) -> LabelView:
    """Return what the page says when there is no unit to speak of."""
    return LabelView(state, TONES.get(state, "cannot_tell"), steps=next_steps(language, state, **values))


def next_steps(language: Language, state: LabelState, **values: Any) -> tuple[Markup, ...]:
    """Return what the buyer can do now."""
    return tuple(language.gettext(f"{FAMILY}.next.{step}", **values) for step in NEXT[state])


def _state_of(found: LookUp) -> LabelState:
    if found.advice == "verified":
        return "verified"
    if found.advice == "revoked":
        return "revoked"
    if found.advice == "careful":
        return "not_true" if found.outcome == "not_true" else "copied"
    return "unsigned" if found.outcome == "unsigned" else "unknown"


def _reasons(language: Language, found: LookUp) -> Iterator[Markup]:
    """Yield the reasons, the weightiest first: cautions, failed steps, open steps, then what is good."""
    brand = found.unit.brand
    if found.outcome == "revoked":
        yield _revocation(language, found)
    for caution in found.cautions:
        yield caution_sentence(language, caution, brand)
    for step in found.steps:
        name = _failure_of(step)
        if name is not None:
            yield language.sentence(f"{FAMILY}.failed", name, {"brand": brand}, otherwise="other")
    if found.outcome == "unknown":
        for step in found.steps:
            if step.state is State.UNKNOWN and step.name != "anchor":
                yield language.sentence(f"{FAMILY}.open", step.name, {"brand": brand}, otherwise="other")
    if found.outcome == "good":
        yield from _facts(language, found)


def _facts(language: Language, found: LookUp) -> Iterator[Markup]:
    """Yield what speaks for a good certificate."""
    brand = found.unit.brand
    if found.cautions:
        yield language.gettext(f"{FAMILY}.fact.real", brand=brand)
        return
    true_steps = {step.name for step in found.steps if step.state is State.TRUE}
    for fact, needed in FACTS.items():
        if true_steps.issuperset(needed):
            yield language.gettext(f"{FAMILY}.fact.{fact}", brand=brand)


def caution_sentence(language: Language, caution: Caution, brand: str) -> Markup:
    """Return the sentence of a caution, with its figures in words."""
    if caution.code == "scans.blocked":
        reason = str(caution.params.get("reason", "other"))
        return language.sentence(f"{FAMILY}.blocked", reason, otherwise="other")
    params = {name: _in_words(language, name, value) for name, value in caution.params.items()}
    return language.sentence(f"{FAMILY}.caution", caution.code, {"brand": brand, **params}, otherwise="other")


def _in_words(language: Language, name: str, value: object) -> str:
    if name in COUNTED and isinstance(value, int | float):
        return language.counted(name, value)
    if name == "date":
        return language.day(date.fromisoformat(str(value)))
    return str(value)


def _failure_of(step: Step) -> str | None:
    if step.state is not State.FALSE or step.code == "certificate.revoked":
        return None
    if step.code == "certificate.changed":
        return "changed"
    return "list" if step.name == "status" else step.name


def _revocation(language: Language, found: LookUp) -> Markup:
    unit = found.unit
    if unit.revoked_at is None:
        return language.gettext(f"{FAMILY}.revoked_by_list", brand=unit.brand)
    reason = language.sentence(f"{FAMILY}.reason", unit.revocation_reason or "other", otherwise="other")
    day = language.gettext(f"{FAMILY}.revoked_on", date=language.day(unit.revoked_at))
    return Markup("{} {}").format(day, reason)


def _right_sentence(language: Language, found: LookUp, right: IssuersRight) -> Markup | None:
    """Say who made the item under which right, unless the certificate itself is not true."""
    if found.outcome in {"not_true", "unsigned"}:
        return None
    by = "other" if _has_caution(found, NO_RIGHT) else right.by
    return language.gettext(f"{FAMILY}.made.{by}", brand=found.unit.brand, owner=right.owner)


def _notes(language: Language, found: LookUp, right: IssuersRight) -> Iterator[Markup]:
    if found.unit.is_disputed:
        yield language.gettext(f"{FAMILY}.design_disputed")
    if found.unit.claimed_at is not None:
        yield language.gettext(f"{FAMILY}.note.claimed", date=language.day(found.unit.claimed_at))
    if right.has_ended and not _has_caution(found, NO_RIGHT):
        yield language.gettext(f"{FAMILY}.note.licence_lapsed")


def _has_caution(found: LookUp, code: str) -> bool:
    return any(caution.code == code for caution in found.cautions)
