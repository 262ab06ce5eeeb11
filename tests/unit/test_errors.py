"""The tree of errors: codes, messages, families."""

import pytest

from authcheck import errors
from authcheck.errors import AuthcheckError, NotTrue, Rejected, Unavailable

EVERY = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AuthcheckError)
]


@pytest.mark.parametrize("kind", EVERY)
def test_the_docstring_is_the_default_message(kind: type[AuthcheckError]) -> None:
    """An error raised without a message has the first line of its docstring as its message."""
    assert kind.__doc__
    assert str(kind()) == kind.__doc__.splitlines()[0]


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_belongs_to_one_family(kind: type[AuthcheckError]) -> None:
    """Each error is Rejected, NotTrue or Unavailable. The family says what a caller can do."""
    families = [family for family in (Rejected, NotTrue, Unavailable) if issubclass(kind, family)]
    assert len(families) == (kind is not AuthcheckError)


def test_no_two_kinds_share_a_default_code() -> None:
    """A code names one kind of error."""
    codes = [kind.default_code for kind in EVERY]
    assert len(codes) == len(set(codes))


def test_the_tree_in_the_docstring_is_complete() -> None:
    """The tree in the module's docstring names every kind of error."""
    missing = [kind.__name__ for kind in EVERY if kind.__name__ not in (errors.__doc__ or "")]
    assert missing == []


def test_code_and_params_travel_with_the_error() -> None:
    """A given code overrides the default. The error keeps the parameters of its sentence."""
    error = Rejected("Too long.", code="design.title", limit=300)
    assert (str(error), error.code, error.params) == ("Too long.", "design.title", {"limit": 300})
    assert Rejected().code == "rejected"
