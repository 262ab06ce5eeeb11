"""What goes over the wire, in JSON. The only place that uses pydantic; made from entities by the functions in routes."""

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
        min_length=1, max_length=8, description="Some of designs:write, listings:check, admin."
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


class ViewOut(Wire):
    """One picture of a design; `picture` is where its owner can fetch the original."""

    sha256: str
    format: str
    width_px: int
    height_px: int
    added_at: datetime
    picture: str


class OtherDesignOut(Wire):
    """What the other side of a dispute is told: who, under which reference, since when."""

    owner: str
    reference: str
    registered_at: datetime


class DisputeOut(Wire):
    """Another owner's design that this one came near when it was registered; the earlier one keeps its place."""

    id: str
    score: float
    noticed_at: datetime
    registered_at: datetime = Field(description="When this design was registered.")
    other: OtherDesignOut


class DesignOut(Wire):
    """A registered design, as its owner sees it. `preview` is null while the public may not see it."""

    id: str
    owner: str
    reference: str
    title: str
    kind: str
    state: str
    public_preview: bool
    preview: str | None
    registered_at: datetime
    retired_at: datetime | None
    version: int
    views: list[ViewOut]
    disputes: list[DisputeOut]


class RegisteredOut(DesignOut):
    """A design and what became of the request to register it."""

    status: str = Field(description="registered, already_yours or disputed.")


class DesignPatch(Wire):
    """What to change of a design; fields left out stay as they are."""

    title: Text | None = Field(None, max_length=300)
    kind: Text | None = Field(None, max_length=20)
    public_preview: bool | None = None


class ImportRow(Wire):
    """What became of one row: registered, already_yours, disputed or rejected, and why."""

    line: int
    reference: str
    status: str
    design_id: str
    code: str
    column: str
    detail: str
    known_as: str
    near_owner: str
    near_reference: str
    near_score: float | None


class ImportOut(Wire):
    """A bulk import and its report."""

    id: str
    created_at: datetime
    dry_run: bool
    counts: dict[str, int]
    rows: list[ImportRow]


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


class PublicCheckOut(Wire):
    """The answer to the public. It holds no score, distance, method or hash but that of the picture sent in."""

    id: str
    verdict: Literal["match", "lookalike", "none"]
    note: str
    design: PublicDesign | None
    reasons: list[PublicReason]
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
