"""Forms that every part of the API uses: the base of all models, problems, pages of a list, health."""

from datetime import date
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict

from authcheck.errors import Rejected
from authcheck.licences.written import read_day

Item = TypeVar("Item", bound=BaseModel)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable text: no line breaks, no control characters")
    return text


Text = Annotated[str, AfterValidator(_printable)]
Number = Annotated[int, Field(gt=-(2**31), lt=2**31)]  # a number that every column of the database can hold


def _read_day(value: object) -> object:
    try:
        return read_day(value, error_code="day") if isinstance(value, str) else value
    except Rejected as error:
        raise ValueError(str(error)) from error


# Without this, pydantic reads "20261129" as a number of seconds.
Day = Annotated[date, BeforeValidator(_read_day), Strict()]


class Wire(BaseModel):
    """The base of all models. A request with an unknown field is refused, so that no typo is ignored."""

    model_config = ConfigDict(extra="forbid")


class ProblemItem(Wire):
    """One value that cannot be used. `pointer` is a JSON pointer into body, query, path or header."""

    pointer: str
    code: str
    detail: str


class Problem(Wire):
    """An error (RFC 9457). Branch on `code`, which is stable. The page /errors explains every code."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemItem] = Field(description="The values that cannot be used, if they are known.")
    params: dict[str, Any] = Field(description="The numbers and names for a sentence about `code`.")


class Page(Wire, Generic[Item]):
    """One page of a list. Send `next` as `after` to get the next page. It is null on the last page."""

    items: list[Item]
    next: str | None


class HealthOut(Wire):
    """The state of the process."""

    status: Literal["alive", "ready", "not_ready"]
    checks: dict[str, str] = Field(
        default_factory=dict, description="The parts that were checked, each with `ok` or an error code."
    )


def sendable(value: Any) -> Any:
    """Return numbers as they are, and other values as text in valid UTF-8: input may hold lone surrogates."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value).encode("utf-8", "replace").decode()
