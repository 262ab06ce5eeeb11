"""Domains have one spelling, and some names are none."""

import pytest

from authcheck.errors import Rejected
from authcheck.proofs.outside.names import normal_domain, shown_domain


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Brand.COM.", "brand.com"),
        ("  brand.co.uk ", "brand.co.uk"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("\uff42rand\uff0ecom", "brand.com"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
    ],
)
def test_a_domain_has_one_spelling(written: str, stored: str) -> None:
    """Capitals, a last dot, full-width letters and the letters of a language change nothing."""
    assert normal_domain(written) == stored


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "domain.name"),
        ("brand", "domain.name"),
        ("https://brand.com", "domain.name"),
        ("brand.com/shop", "domain.name"),
        ("brand.com:8443", "domain.name"),
        ("a@brand.com", "domain.name"),
        ("127.0.0.1", "domain.name"),
        ("[::1]", "domain.name"),
        ("brand..com", "domain.name"),
        ("-brand.com", "domain.name"),
        ("a" * 64 + ".com", "domain.name"),
        (".".join(["a" * 60] * 5), "domain.name"),
        ("brand.com\0", "domain.name"),
        ("xn--.com", "domain.name"),
        ("\u0430cme.com", "domain.mixed"),  # a Cyrillic a
        ("xn--cme-7cd.com", "domain.mixed"),
        ("brand.local", "domain.special"),
        ("brand.test", "domain.special"),
        ("metadata.google.internal", "domain.special"),
    ],
)
def test_what_is_no_public_domain_is_refused(written: str, code: str) -> None:
    """Addresses, paths, ports, numbers, damaged names, mixed alphabets and private names are refused."""
    with pytest.raises(Rejected) as refused:
        normal_domain(written)
    assert refused.value.code == code


def test_a_domain_is_shown_in_its_letters() -> None:
    """The ASCII form says nothing to its owner."""
    assert shown_domain("xn--bcher-kva.de") == "bücher.de"
    assert shown_domain("xn--zzzzzzzzzz--.de") == "xn--zzzzzzzzzz--.de"
