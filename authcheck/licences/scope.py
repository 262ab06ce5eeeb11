"""How the terms of two licences lie: whether they overlap, which exclusivity forbids, or one within the other, as a sublicence must."""

from collections.abc import Collection, Mapping
from datetime import date

from authcheck.licences.terms import Grant, Terms, sells


def overlaps(one: Grant, other: Grant, *, designs_of: Mapping[str, Collection[str]]) -> bool:
    """Whether some use is covered by the terms of both; `designs_of` a collection's name are ids. Caps do not count."""
    mine, its = one.terms, other.terms
    first, last = max(mine.starts_on, its.starts_on), min(mine.ends_on or date.max, its.ends_on or date.max)
    return (
        first <= last
        and bool(mine.countries & its.countries)
        and (not mine.goods or not its.goods or not set(mine.goods).isdisjoint(its.goods))
        and (not mine.channels or not its.channels or _channels_meet(mine.channels, its.channels))
        and not _about(mine, designs_of).isdisjoint(_about(its, designs_of))
    )


def covers(parent: Terms, child: Terms, *, designs_of: Mapping[str, Collection[str]] | None = None) -> bool:
    """Whether a sublicence lies within what it stands on: every term of `child` allows as much as `parent` or less."""
    return (
        parent.sublicensing
        and _about(child, {}) <= _about(parent, designs_of or {})
        and child.countries <= parent.countries
        and (not parent.goods or (bool(child.goods) and set(child.goods) <= set(parent.goods)))
        and (
            not parent.channels
            or (bool(child.channels) and _channels_within(parent.channels, child.channels))
        )
        and parent.starts_on <= child.starts_on
        and (child.ends_on or date.max) <= (parent.ends_on or date.max)
        and (parent.cap is None or (child.cap is not None and child.cap <= parent.cap))
        and (parent.exclusive or not child.exclusive)
    )


def _about(terms: Terms, designs_of: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
    about = {("design", one) for one in terms.designs} | {("collection", name) for name in terms.collections}
    return about | {("design", one) for name in terms.collections for one in designs_of.get(name, ())}


def _channels_meet(ours: Collection[str], theirs: Collection[str]) -> bool:
    return any(sells(one, *_split(other)) for one in ours for other in theirs)


def _channels_within(outer: Collection[str], inner: Collection[str]) -> bool:
    return all(one in outer or one.partition("/")[0] in outer for one in inner)


def _split(channel: str) -> tuple[str, str]:
    marketplace, _, shop_id = channel.partition("/")
    return marketplace, shop_id
