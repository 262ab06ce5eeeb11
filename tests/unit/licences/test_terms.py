"""Terms of licences: one spelling, every broken term with its numbers, and the relation of two licences."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.errors import Rejected
from authcheck.licences.scope import covers, overlaps
from authcheck.licences.terms import Breach, Grant, Terms, Use, breaches

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
TODAY = date(2026, 11, 23)
DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 9))
PLACES = st.sampled_from(["FR", "IT", "DE", "CN"])
SHOPS = st.sampled_from(["big", "big/1", "big/2", "small"])
DESIGNS_OF = {"Summer": ["d1", "d2"], "Winter": ["d3"]}
HOME = {"d1": "Summer", "d2": "Summer", "d3": "Winter", "d4": None}


def some(items: Any, most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    """Draw a few of these values without repetition."""
    return st.lists(items, max_size=most, unique=True).map(tuple)


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    """Draw terms from a small world, so that two terms often overlap."""
    first, last = sorted([draw(DAYS), draw(DAYS)])
    named = draw(some(PLACES))
    return Terms(
        designs=draw(some(st.sampled_from(list(HOME)))) or ("d4",),
        collections=draw(some(st.sampled_from(list(DESIGNS_OF)), 1)),
        territories=named or ("*",),
        except_territories=() if named else draw(some(PLACES)),
        goods=draw(some(st.sampled_from([9, 25, 28]))),
        channels=draw(some(SHOPS)),
        starts_on=first,
        ends_on=draw(st.sampled_from([last, None])),
        sublicensing=draw(st.booleans()),
        exclusive=draw(st.booleans()),
    ).checked()


@st.composite
def uses(draw: st.DrawFn) -> Use:
    """Draw a use with every field set."""
    design = draw(st.sampled_from(list(HOME)))
    marketplace, _, shop = draw(st.sampled_from(["big/1", "big/2", "small/1"])).partition("/")
    return Use(
        design_id=design,
        collection=HOME[design],
        territory=draw(PLACES),
        goods=(draw(st.sampled_from([9, 25, 28])),),
        marketplace=marketplace,
        shop_id=shop,
        on=draw(DAYS),
    )


def grant(terms: Terms, **words: Any) -> Grant:
    """Return an accepted licence on these terms."""
    fields: dict[str, Any] = {
        "id": "lic_1", "series": "lic_1", "version": 1, "owner_id": "acme", "licensee_id": "tees", "terms": terms,
        "offered_at": START - timedelta(days=30), "accepted_at": START - timedelta(days=30),
    }  # fmt: skip
    return Grant(**{**fields, **words})


def test_every_broken_term_is_told_with_its_numbers() -> None:
    """Each breach states its numbers: the days since the end, the territory, goods and channel, the units."""
    terms = Terms(
        designs=("d1",), territories=("IT", "FR"), goods=(25,), channels=("big/1",), cap=9000,
        starts_on=date(2026, 1, 1), ends_on=date(2026, 11, 11),
    ).checked()  # fmt: skip
    use = Use(
        design_id="d4", territory="DE", goods=(25, 28), marketplace="Big", shop_id="2", on=TODAY, units=400
    )
    assert breaches(grant(terms, units_issued=9000), use) == (
        Breach("licence.lapsed", {"days": 12, "ended": "2026-11-11"}),
        Breach("licence.other_design"),
        Breach("licence.territory", {"territory": "DE", "allowed": "FR, IT"}),
        Breach("licence.goods", {"goods": "28", "allowed": "25"}),
        Breach("licence.channel", {"channel": "big/2", "allowed": "big/1"}),
        Breach("licence.over_cap", {"units": 9400, "cap": 9000}),
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"accepted_at": None}, "licence.not_accepted"),
        ({"revoked_at": START}, "licence.revoked"),
        ({"superseded_at": START}, "licence.superseded"),
        ({"terms": Terms(designs=("d1",), starts_on=TODAY + timedelta(3))}, "licence.not_started"),
    ],
)
def test_what_is_not_in_force_covers_nothing(words: dict[str, Any], code: str) -> None:
    """A licence that is only offered, revoked, superseded or not yet begun covers nothing."""
    terms = Terms(designs=("d1",), starts_on=date(2026, 1, 1))
    found = breaches(grant(words.pop("terms", terms), **words), Use(design_id="d1", on=TODAY))
    assert [one.code for one in found] == [code]


@given(all_terms())
def test_terms_have_one_spelling(terms: Terms) -> None:
    """Checking terms twice changes nothing, and terms are read back from JSON unchanged."""
    assert terms.checked() == terms
    assert Terms.from_json(terms.to_json()) == terms


@given(all_terms(), all_terms(), uses())
def test_what_two_licences_cover_both_is_an_overlap(one: Terms, other: Terms, use: Use) -> None:
    """A use that both licences cover makes them overlap, in either order. Exclusivity misses no such use."""
    first, second = grant(one), grant(other, licensee_id="rivals")
    meet = overlaps(first, second, designs_of=DESIGNS_OF, kin={})
    assert meet == overlaps(second, first, designs_of=DESIGNS_OF, kin={})
    if not breaches(first, use) and not breaches(second, use):
        assert meet


@given(all_terms(), all_terms(), uses())
def test_a_sublicence_covers_nothing_that_its_licence_does_not(above: Terms, below: Terms, use: Use) -> None:
    """A sublicence that `covers` accepts allows nothing that its licensor's own licence does not allow."""
    above = replace(above, sublicensing=True)
    if covers(above, below, designs_of=DESIGNS_OF) and not breaches(grant(below), use):
        assert breaches(grant(above), use) == ()
    assert covers(above, replace(above, exclusive=False), designs_of=DESIGNS_OF)
    assert not covers(replace(above, sublicensing=False), above, designs_of=DESIGNS_OF)


@given(all_terms(), uses(), st.integers(0, 3))
def test_a_sublicence_breaks_what_its_licence_breaks(terms: Terms, use: Use, days: int) -> None:
    """Every breach of the upper licence is a breach of the sublicence, even when revoked the same day."""
    above = grant(terms, revoked_at=START + timedelta(days))
    below = grant(replace(terms, exclusive=False), parent=above)
    assert {one.code for one in breaches(above, use)} <= {one.code for one in breaches(below, use)}


@pytest.mark.parametrize("found", [{}, {"designs": "d1"}, None, [], {"starts_on": 7}])
def test_what_are_no_terms_is_refused(found: Any) -> None:
    """Stored terms that somebody edited are refused, never guessed."""
    with pytest.raises(Rejected) as caught:
        Terms.from_json(found)
    assert caught.value.code == "licence.terms"
