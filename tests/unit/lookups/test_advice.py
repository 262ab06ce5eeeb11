"""The advice about a label follows from the outcome of the checks and from the cautions."""

import pytest

from authcheck.lookups.advice import Caution, advise

COPIED = (Caution("scans.places", {"places": 2}),)


@pytest.mark.parametrize(
    ("outcome", "cautions", "advice"),
    [
        ("good", (), "verified"),
        ("good", COPIED, "careful"),
        ("not_true", (), "careful"),
        ("revoked", (), "revoked"),
        ("revoked", COPIED, "revoked"),
        ("unknown", (), "cannot_tell"),
        ("unknown", COPIED, "cannot_tell"),
        ("unsigned", (), "cannot_tell"),
    ],
)
def test_only_a_good_certificate_without_cautions_is_verified(
    outcome: str, cautions: tuple[Caution, ...], advice: str
) -> None:
    """Only a good certificate without cautions is verified."""
    assert advise(outcome, cautions) == advice
