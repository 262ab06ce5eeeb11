"""Questions to name servers end, and their answers are texts."""

import time

import dns.resolver
import pytest
from hostile_sites import serving_names

from authcheck.errors import Unavailable
from authcheck.proofs.outside.resolving import MOST_RECORDS, Names


def test_texts_are_read() -> None:
    """All records of a name come back, a record in parts as one text, and a name without any as none."""
    records = {"brand.com": ['"v=spf1 -all"', '"authcheck-" "proof=abc"'], "empty.com": []}
    with serving_names(records) as make:
        names = Names(make)
        assert sorted(names.read_txt("brand.com")) == ["authcheck-proof=abc", "v=spf1 -all"]
        assert names.read_txt("empty.com") == []
        assert names.read_txt("nobody.com") == []
        assert names.find_addresses("nobody.com") == []


def test_many_records_are_cut() -> None:
    """A domain with very many records costs no more than MOST_RECORDS."""
    with serving_names({"brand.com": [f'"{number}"' for number in range(60)]}) as make:
        assert len(Names(make).read_txt("brand.com")) == MOST_RECORDS


def test_silent_name_servers_are_not_waited_for() -> None:
    """The question ends after its time."""
    with serving_names({}, silent=True) as make:
        begun_at = time.monotonic()
        with pytest.raises(Unavailable) as refused:
            Names(make, lifetime_s=0.3).read_txt("brand.com")
    assert (refused.value.code, time.monotonic() - begun_at < 3) == ("dns.timeout", True)


def test_a_machine_without_name_servers_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the operator's fault and no proof against the member."""

    def fail(*_words: object, **_named: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver, "Resolver", fail)
    with pytest.raises(Unavailable) as refused:
        Names().read_txt("brand.com")
    assert refused.value.code == "dns.failed"
