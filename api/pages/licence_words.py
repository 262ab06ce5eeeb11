"""Terms of licences in words: one sentence, the cells of a table, what changed, which clause says no."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any

from babel.lists import format_list
from markupsafe import Markup

from authcheck.licences.changes import Change
from authcheck.licences.codes import EUROPEAN_UNION, EVERYWHERE, split_channel
from authcheck.licences.grants import chain_of
from authcheck.licences.listing import is_ending
from authcheck.licences.naming import Named
from authcheck.licences.terms import Breach, Grant, Terms

from ..i18n import Language

SHORT = 3  # countries, goods or shops in a cell of a table
BREACHES = (  # kinds of broken terms with a sentence `licences.breach.*` that has its numbers
    "not_accepted", "accepted_later", "revoked", "superseded", "lapsed", "not_started", "other_design",
    "territory", "goods", "channel", "over_cap",
)  # fmt: skip
TONES = {"active": "good", "revoked": "bad"}
FEW = 25  # below, a share is no percentage


def territories(language: Language, terms: Terms, most: int | None = None) -> str:
    """Return the countries of the terms in words. With `most`, name only that many."""
    if EVERYWHERE not in terms.territories:
        return countries(language, terms.territories, most)
    everywhere = language.plain("licences.everywhere")
    if not terms.except_territories:
        return everywhere
    excepted = countries(language, terms.except_territories, most)
    return language.plain("licences.everywhere_except", countries=excepted)


def countries(language: Language, codes: Collection[str], most: int | None = None) -> str:
    """Return the names of countries. All members of the European Union together have its name."""
    names = language.locale.territories
    union = set(EUROPEAN_UNION) <= set(codes)
    rest = [code for code in codes if not union or code not in EUROPEAN_UNION]
    words = [str(names["EU"])] * union + sorted(str(names.get(code, code)) for code in rest)
    return _join(language, words, most)


def goods(language: Language, classes: Collection[int], most: int | None = None) -> str:
    """Return Nice classes in words. No class means all goods. With `most`, several are their numbers."""
    if not classes:
        return language.plain("licences.all_goods")
    if most is not None and len(classes) > 1:
        numbers = format_list([str(number) for number in classes], locale=language.locale)
        return language.plain("licences.classes", numbers=numbers)
    words = [
        language.plain("licences.class", goods=language.sentences[f"nice.{number}"], number=str(number))
        for number in classes
    ]
    return _join(language, words, most)


def shops(language: Language, channels: Collection[str], most: int | None = None) -> str:
    """Return channels in words. No channel means any shop."""
    if not channels:
        return language.plain("licences.any_shop")
    words = []
    for marketplace, shop in map(split_channel, channels):
        key = "licences.one_shop" if shop else "licences.all_shops"
        words.append(language.plain(key, marketplace=marketplace, **({"shop": shop} if shop else {})))
    return _join(language, words, most)


def days(language: Language, terms: Terms) -> str:
    """Return the first and the last day for a cell of a table."""
    last = language.day(terms.ends_on) if terms.ends_on else language.plain("licences.no_end")
    return language.plain("licences.days", first=language.day(terms.starts_on), last=last)


def period(language: Language, terms: Terms) -> str:
    """Return the first and the last day in words."""
    first = language.day(terms.starts_on)
    if terms.ends_on is None:
        return language.plain("licences.since", first=first)
    return language.plain("licences.from_until", first=first, last=language.day(terms.ends_on))


def units(language: Language, cap: int | None) -> str:
    """Return the cap in words."""
    if cap is None:
        return language.plain("licences.any_number")
    return language.plain("licences.at_most", units=language.counted("units", cap))


def sentence(language: Language, terms: Terms, licensee: str, designs: Sequence[str]) -> Markup:
    """Return the terms in one sentence. Without `licensee`, the sentence speaks to the licensee."""
    values = {
        "goods": goods(language, terms.goods),
        "designs": format_list(designs, locale=language.locale),
        "territories": territories(language, terms),
        "shops": shops(language, terms.channels),
        "period": period(language, terms),
        "units": units(language, terms.cap),
    }
    if licensee:
        return language.gettext("licences.sentence", licensee=licensee, **values)
    return language.gettext("licences.sentence_you", **values)


def subjects(language: Language, terms: Terms, titles: Mapping[str, Named], most: int) -> list[str]:
    """Return the collections and designs of the terms in words: at most `most`, then how many more."""
    names = [language.plain("licences.collection", name=name) for name in terms.collections]
    names += [titles[design_id].name if design_id in titles else design_id for design_id in terms.designs]
    if len(names) <= most:
        return names
    return [*names[:most], language.plain("licences.more_designs", count=language.number(len(names) - most))]


def change_words(
    language: Language, changes: Sequence[Change], before: Terms, after: Terms, titles: Mapping[str, Named]
) -> list[dict[str, Any]]:
    """Return what differs between two versions: the field, and its value before and after in words."""
    return [
        {
            "field": change.field,
            "before": field_words(language, change.field, before, titles),
            "after": field_words(language, change.field, after, titles),
        }
        for change in changes
    ]


def field_words(language: Language, field: str, terms: Terms, titles: Mapping[str, Named]) -> str:
    """Return the value of one field of the terms in words."""
    value = getattr(terms, field)
    if field == "designs":
        return _join(language, [titles[name].name if name in titles else name for name in value])
    if field in {"starts_on", "ends_on"}:
        return language.day(value) if value else language.plain("licences.no_end")
    say: dict[str, Callable[..., str]] = {
        "collections": _join,
        "territories": _territories_named,
        "except_territories": countries,
        "goods": goods,
        "channels": shops,
        "cap": units,
    }
    return say.get(field, _yes_or_no)(language, value)


def _territories_named(language: Language, codes: Collection[str]) -> str:
    return language.plain("licences.everywhere") if EVERYWHERE in codes else countries(language, codes)


def _yes_or_no(language: Language, value: bool) -> str:
    return language.plain("licences.yes" if value else "licences.no")


def mark(language: Language, grant: Grant, today: date, *, is_got: bool) -> tuple[str, str, str]:
    """Return the state of a licence today as its code, the tone of its mark, and its words."""
    state = grant.state(today)
    ends_on = grant.terms.ends_on
    if is_ending(grant, today) and ends_on is not None:
        days = (ends_on - today).days
        words = language.plain("licences.ends_in", days=language.counted("days", days))
        return "ending", "careful", words if days else language.plain("licences.ends_today")
    tone = TONES.get(state, "none")
    if state == "offered" and is_got:
        return state, "careful", language.plain("licences.answer_needed")
    return state, tone, language.plain(f"licences.state.{state}")


def meter(language: Language, issued: int, cap: int | None) -> dict[str, Any]:
    """Return the meter of a cap: units, cap, and the words beside the bar."""
    number = language.number(issued)
    if cap is None:
        return {"units": issued, "cap": None, "words": language.plain("licences.issued", units=number)}
    words = language.plain("licences.issued_of", units=number, cap=language.number(cap))
    if cap >= FEW:
        words = language.plain("licences.with_share", words=words, share=language.share(issued / cap))
    return {"units": issued, "cap": cap, "words": words}


def breach_words(language: Language, breach: Breach, grant: Grant, on: date) -> Markup:
    """Return the clause of a licence that says no.

    A breach without numbers is one of a licence above, which the reader does not know.
    """
    kind = breach.code.removeprefix("licence.")
    link = next((link for link in chain_of(grant) if link.id == breach.licence_id), None)
    if link is None or kind not in BREACHES:
        return language.sentence("reason", breach.code)
    terms, params = link.terms, breach.params
    at = {"revoked": link.revoked_at, "superseded": link.superseded_at, "accepted_later": link.accepted_at}
    moment = at.get(kind)
    values = {
        "on": language.day(on),
        "first": language.day(terms.starts_on),
        "last": language.day(terms.ends_on) if terms.ends_on else "",
        "day": language.day(moment) if moment else "",
        "territories": territories(language, terms),
        "territory": countries(language, [str(params.get("territory", ""))]),
        "asked_goods": str(params.get("goods", "")),
        "goods": goods(language, terms.goods),
        "channel": str(params.get("channel", "")),
        "shops": shops(language, terms.channels),
        "units": language.number(int(params.get("units", 0))),
        "cap": language.number(int(params.get("cap", 0))),
    }
    return language.gettext(f"licences.breach.{kind}", **values)


def _join(language: Language, words: Sequence[str], most: int | None = None) -> str:
    """Return words as a list in the reader's language. With `most`, name that many and count the others."""
    if most is None or len(words) <= most:
        return str(format_list(list(words), locale=language.locale))
    named = language.plain("site.comma").join(words[:most])
    return language.plain("licences.and_more", names=named, count=language.number(len(words) - most))
