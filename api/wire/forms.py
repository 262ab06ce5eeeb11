"""What goes over the wire, in JSON. With registry_schemas the only place that uses pydantic; made from entities in wire."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Item = TypeVar("Item", bound=BaseModel)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable text: no line breaks, no control characters")
    return text


Text = Annotated[str, AfterValidator(_printable)]


class Wire(BaseModel):
    """Base of all: unknown fields in a request are refused, so that a typo is not ignored."""

    model_config = ConfigDict(extra="forbid")


class ProblemItem(Wire):
    """One value that cannot be used. `pointer` is a JSON pointer into body, query, path or header."""

    pointer: str
    code: str
    detail: str


class Problem(Wire):
    """What went wrong (RFC 9457). Branch on `code`, which is stable and explained in docs/errors.md."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemItem] = Field(description="The values at fault, where it is known which.")
    params: dict[str, Any] = Field(description="The numbers and names that a sentence about `code` needs.")


class Page(Wire, Generic[Item]):
    """One page of a list. `next` is what to send as `after` for the page that follows; null on the last."""

    items: list[Item]
    next: str | None


class OrganisationIn(Wire):
    """A member to add."""

    handle: Text = Field(max_length=64, description="Short public name: a-z, 0-9 and -.", examples=["acme"])
    name: Text = Field(max_length=200, examples=["Acme Prints Ltd"])
    roles: list[Text] = Field(
        min_length=1,
        max_length=8,
        description="Some of brand, licensee, marketplace, agent.",
        examples=[["brand"]],
    )


class OrganisationOut(Wire):
    """A member."""

    id: str
    handle: str
    name: str
    roles: list[str]
    created_at: datetime


class KeyIn(Wire):
    """A key to make."""

    organisation: Text = Field(max_length=64, description="Handle of the organisation it acts for.")
    label: Text = Field("", max_length=200, description="What it is for; shown in lists.")
    scopes: list[Text] = Field(
        min_length=1,
        max_length=8,
        description="Some of designs:write, listings:check, certificates:issue, admin.",
    )


class KeyOut(Wire):
    """An API key, without its secret."""

    id: str
    organisation: str
    label: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


class NewKeyOut(KeyOut):
    """A key just made. `token` is shown this once: it is not kept."""

    token: str


class MeOut(Wire):
    """Who the key that asks belongs to."""

    organisation: str
    key: str
    scopes: list[str]


class ReasonOut(Wire):
    """Why, as a code, the numbers a sentence about it needs, and a weight in [0, 1] to order by."""

    code: str
    weight: float
    params: dict[str, str | int | float]


class OwnerOut(Wire):
    """Who owns a design."""

    handle: str
    name: str


class CheckedDesignOut(Wire):
    """The design a check found. `view_sha256` is null unless the design is the asker's own."""

    id: str
    title: str
    owner: OwnerOut
    reference: str
    preview: str | None
    view_sha256: str | None


class TransformOut(Wire):
    """How the design lies in the picture: mirrored, light and dark swapped, turned clockwise, picture pixels a design pixel."""

    mirrored: bool
    inverted: bool
    angle_deg: float
    scale: float


Outline = Annotated[
    list[tuple[float, float]] | None,
    Field(
        description="Corners of the design in the picture, (x, y) in pixels of the upright original; null: not located."
    ),
]
Coverage = Annotated[float | None, Field(description="Share of the design that is seen, in [0, 1].")]
Evidence = Annotated[
    str | None, Field(description="Where the evidence picture is, for as long as there is one.")
]


class FindingOut(Wire):
    """One design seen in the picture. The first finding of a check is its answer."""

    design: CheckedDesignOut
    verdict: Literal["match", "lookalike"]
    score: float
    method: str
    reasons: list[ReasonOut]
    outline: Outline
    coverage: Coverage
    transform: TransformOut | None


class CheckOut(Wire):
    """The answer to a key's check: which registered design the picture shows, how sure, and why."""

    id: str
    verdict: Literal["match", "lookalike", "none"]
    note: str
    score: float
    method: str | None
    design: CheckedDesignOut | None
    reasons: list[ReasonOut]
    notes: list[str]
    policy: str
    scheme: str
    asked_at: datetime
    picture_name: str
    findings: list[FindingOut]
    evidence: Evidence
    picture_sha256: str = Field(description="SHA-256 of the picture that was sent in.")


class PublicReason(Wire):
    """Why, as a code."""

    code: str


class PublicOwner(Wire):
    """Who owns a design, by name."""

    name: str


class PublicDesign(Wire):
    """What the public is told of a design: never its reference, its pictures' hashes or how near it came."""

    id: str
    title: str
    owner: PublicOwner
    preview: str | None


class PublicFinding(Wire):
    """One design seen in the picture, as the public is told of it."""

    design: PublicDesign
    verdict: Literal["match", "lookalike"]
    reasons: list[PublicReason]
    outline: Outline
    coverage: Coverage


class PublicCheckOut(Wire):
    """The answer to the public. It holds no score, distance, method or hash but that of the picture sent in."""

    id: str
    verdict: Literal["match", "lookalike", "none"]
    note: str
    design: PublicDesign | None
    reasons: list[PublicReason]
    findings: list[PublicFinding]
    evidence: Evidence
    notes: list[str]
    policy: str
    scheme: str
    asked_at: datetime
    picture_sha256: str = Field(description="SHA-256 of the picture that was sent in.")


class HealthOut(Wire):
    """How the process is."""

    status: Literal["alive", "ready", "not_ready"]
    checks: dict[str, str] = Field(
        default_factory=dict, description="What was looked at, and `ok` or an error code."
    )
