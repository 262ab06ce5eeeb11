"""Comparisons of two licences' terms: overlap (for exclusivity), inclusion (for sublicences)."""

from collections.abc import Collection, Mapping
from datetime import date

from authcheck.licences.codes import sells, split_channel
from authcheck.licences.terms import Grant, Terms

Kin = Mapping[str, Collection[str]]
"""For a design's id, the ids of the designs that it returned as, or that returned as it."""


def overlaps(one: Grant, other: Grant, *, designs_of: Mapping[str, Collection[str]], kin: Kin) -> bool:
    """Return whether the terms of both licences cover some common use. Caps are ignored.

    `designs_of` maps a collection's name to its design ids. A licence that names a design covers its kin too.
    """
    first, second = one.terms, other.terms
    return do_uses_meet(first, second) and not _subjects_of(first, designs_of, kin).isdisjoint(
        _subjects_of(second, designs_of, kin)
    )


def do_uses_meet(first: Terms, second: Terms, *, since: date = date.min) -> bool:
    """Return whether both terms allow some common use of a design that both cover, on `since` or later."""
    starts_on = max(first.starts_on, second.starts_on, since)
    ends_on = min(first.ends_on or date.max, second.ends_on or date.max)
    return (
        starts_on <= ends_on
        and bool(first.countries & second.countries)
        and (not first.goods or not second.goods or not set(first.goods).isdisjoint(second.goods))
        and (not first.channels or not second.channels or _do_channels_meet(first.channels, second.channels))
    )


def covers(parent: Terms, child: Terms, *, designs_of: Mapping[str, Collection[str]] | None = None) -> bool:
    """Return whether `child` may be a sublicence of `parent`: no term allows more than in `parent`."""
    return (
        parent.sublicensing
        and _subjects_of(child, {}) <= _subjects_of(parent, designs_of or {})
        and child.countries <= parent.countries
        and (not parent.goods or (bool(child.goods) and set(child.goods) <= set(parent.goods)))
        and (
            not parent.channels
            or (bool(child.channels) and _are_channels_within(parent.channels, child.channels))
        )
        and parent.starts_on <= child.starts_on
        and (child.ends_on or date.max) <= (parent.ends_on or date.max)
        and (parent.cap is None or (child.cap is not None and child.cap <= parent.cap))
        and (parent.exclusive or not child.exclusive)
    )


def _subjects_of(
    terms: Terms, designs_of: Mapping[str, Collection[str]], kin: Kin | None = None
) -> set[tuple[str, str]]:
    subjects = {("design", design_id) for design_id in terms.designs}
    subjects |= {("design", kin_id) for named in terms.designs for kin_id in (kin or {}).get(named, ())}
    subjects |= {("collection", name) for name in terms.collections}
    in_collections = (designs_of.get(name, ()) for name in terms.collections)
    return subjects | {("design", design_id) for design_ids in in_collections for design_id in design_ids}


def _do_channels_meet(first: Collection[str], second: Collection[str]) -> bool:
    return any(sells(channel, *split_channel(other)) for channel in first for other in second)


def _are_channels_within(outer: Collection[str], inner: Collection[str]) -> bool:
    allowed = {split_channel(channel) for channel in outer}
    pairs = map(split_channel, inner)
    return all(pair in allowed or (pair[0], "") in allowed for pair in pairs)
