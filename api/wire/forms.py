"""Forms that every part of the API uses: the base of all models, problems, pages of a list, health."""

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


class HealthOut(Wire):
    """How the process is."""

    status: Literal["alive", "ready", "not_ready"]
    checks: dict[str, str] = Field(
        default_factory=dict, description="What was looked at, and `ok` or an error code."
    )


def sendable(value: Any) -> Any:
    """Numbers as they are, all else as text that UTF-8 can carry (input may hold lone surrogates)."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value).encode("utf-8", "replace").decode()
