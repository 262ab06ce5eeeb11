"""What a licence lets its licensee do, as data, and what of it a use breaks. Pure: rows and clocks come from outside."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, NoReturn, Self

from authcheck.errors import Rejected
from authcheck.licences.codes import COUNTRIES, EVERYWHERE, NICE_CLASSES

LARGEST_CAP = 1_000_000_000
MOST_SUBJECTS = 1000  # designs, collections or channels of one licence
SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
MARKETPLACE_CHARS, SHOP_CHARS = 64, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a licence: about these designs and collections, there, on these goods, in these channels, then.

    `territories` are ISO 3166-1 alpha-2 codes or "*" alone, beside which only `except_territories` may stand; `goods`
    Nice classes, () all; `channels` "marketplace" or "marketplace/shop_id", () any. Days are UTC and `ends_on` is the last
    one; `cap` counts units over all versions of the licence and its sublicences.
    """

    designs: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    territories: tuple[str, ...] = (EVERYWHERE,)
    except_territories: tuple[str, ...] = ()
    goods: tuple[int, ...] = ()
    channels: tuple[str, ...] = ()
    starts_on: date
    ends_on: date | None = None
    cap: int | None = None
    sublicensing: bool = False
    exclusive: bool = False

    def checked(self) -> Self:
        """The same terms sorted, without repetitions, in one spelling.

        Raises Rejected: `licence.terms` (no design), `licence.territory`, `licence.goods`, `licence.channel`,
        `licence.period`, `licence.cap`.
        """
        designs, collections = _subjects(self.designs), _subjects(self.collections)
        if not designs and not collections:
            _refuse("licence.terms", "A licence is about at least one design or collection.")
        if any(number not in NICE_CLASSES for number in self.goods):
            _refuse("licence.goods", "Goods are Nice classes from 1 to 45.", goods=_listed(self.goods))
        if self.ends_on is not None and self.ends_on < self.starts_on:
            _refuse("licence.period", "A licence ends on or after the day it starts.")
        if self.cap is not None and not 1 <= self.cap <= LARGEST_CAP:
            _refuse("licence.cap", f"A cap is 1 to {LARGEST_CAP} units.", limit=LARGEST_CAP)
        if len(self.channels) > MOST_SUBJECTS:
            _refuse(
                "licence.channel", f"A licence names at most {MOST_SUBJECTS} channels.", limit=MOST_SUBJECTS
            )
        territories, excepted = _countries(self.territories), _countries(self.except_territories)
        _check_territories(territories, excepted)
        return replace(
            self,
            designs=designs,
            collections=collections,
            territories=territories,
            except_territories=excepted,
            goods=tuple(sorted(set(self.goods))),
            channels=tuple(sorted({_channel(text) for text in self.channels})),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, days in ISO 8601, as `from_json` reads them."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, found: object) -> Self:
        """Read `to_json`; what is missing has its default. Raises Rejected (`licence.terms`) for all else."""
        known = {one.name for one in fields(cls)}
        if not isinstance(found, dict) or not found.keys() <= known or "starts_on" not in found:
            _refuse("licence.terms", "Those are not the terms of a licence.")
        try:
            return cls(**{name: _read(name, value) for name, value in found.items()})
        except (TypeError, ValueError) as error:
            raise Rejected(f"Those are not the terms of a licence: {error}.", code="licence.terms") from error

    @property
    def countries(self) -> frozenset[str]:
        """The countries that the terms cover, by code."""
        named = COUNTRIES if EVERYWHERE in self.territories else frozenset(self.territories)
        return named.difference(self.except_territories)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A version of a licence as the rules see it: its times, and `units_issued` under its series and what stands on it."""

    id: str
    series: str
    version: int
    owner_id: str
    licensee_id: str
    terms: Terms
    offered_at: datetime
    accepted_at: datetime | None = None
    declined_at: datetime | None = None
    superseded_at: datetime | None = None
    revoked_at: datetime | None = None
    units_issued: int = 0
    parent: "Grant | None" = None

    def state(self, on: date) -> str:
        """`revoked`, `superseded`, `declined`, `offered`, `lapsed`, `not_started` or `active` on a day, UTC.

        A sublicence that would be active is what its parent is.
        """
        own = self._own_state(on)
        return self.parent.state(on) if own == "active" and self.parent is not None else own

    def _own_state(self, on: date) -> str:
        ended = (
            ("revoked", self.revoked_at),
            ("superseded", self.superseded_at),
            ("declined", self.declined_at),
        )
        for state, at in ended:
            if at is not None and at.date() <= on:
                return state
        if self.accepted_at is None or self.accepted_at.date() > on:
            return "offered"
        if self.terms.ends_on is not None and self.terms.ends_on < on:
            return "lapsed"
        return "not_started" if on < self.terms.starts_on else "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What somebody does with a design on a day; None and () are not asked about. `units` are about to be added."""

    design_id: str
    collection: str | None = None
    territory: str | None = None
    goods: tuple[int, ...] = ()
    marketplace: str | None = None
    shop_id: str | None = None
    on: date
    units: int = 0


@dataclass(frozen=True, slots=True)
class Breach:
    """A term that is broken, with its numbers."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)


def breaches(grant: Grant, use: Use) -> tuple[Breach, ...]:
    """Every term that a use breaks, () if the licence covers it. A sublicence breaks what its parent breaks."""
    broken: list[Breach] = []
    link: Grant | None = grant
    while link is not None:
        broken += [one for one in (*_by_time(link, use.on), *_by_terms(link, use)) if one not in broken]
        link = link.parent
    return tuple(broken)


def _by_time(grant: Grant, on: date) -> Iterator[Breach]:
    terms = grant.terms
    if grant.accepted_at is None or grant.accepted_at.date() > on:
        yield Breach("licence.not_accepted")
    for code, at in (("licence.revoked", grant.revoked_at), ("licence.superseded", grant.superseded_at)):
        if at is not None and at.date() <= on:
            yield Breach(code, {"days": (on - at.date()).days})
    if terms.ends_on is not None and terms.ends_on < on:
        ended = terms.ends_on.isoformat()
        yield Breach("licence.lapsed", {"days": (on - terms.ends_on).days, "ended": ended})
    if on < terms.starts_on:
        starts = terms.starts_on.isoformat()
        yield Breach("licence.not_started", {"days": (terms.starts_on - on).days, "starts": starts})


def _by_terms(grant: Grant, use: Use) -> Iterator[Breach]:
    terms = grant.terms
    if use.design_id not in terms.designs and (
        use.collection is None or use.collection not in terms.collections
    ):
        yield Breach("licence.other_design")
    if use.territory is not None and not _is_covered(terms, use.territory.strip().upper()):
        allowed = _listed(terms.territories)
        if terms.except_territories:
            allowed += f" except {_listed(terms.except_territories)}"
        yield Breach("licence.territory", {"territory": use.territory.strip().upper(), "allowed": allowed})
    outside = sorted(set(use.goods).difference(terms.goods)) if terms.goods else []
    if outside:
        yield Breach("licence.goods", {"goods": _listed(outside), "allowed": _listed(terms.goods)})
    if use.marketplace is not None and terms.channels:
        marketplace, shop_id = normal_channel(use.marketplace), (use.shop_id or "").strip()
        if not any(sells(channel, marketplace, shop_id) for channel in terms.channels):
            channel = f"{marketplace}/{shop_id}" if shop_id else marketplace
            yield Breach("licence.channel", {"channel": channel, "allowed": _listed(terms.channels)})
    units = grant.units_issued + use.units
    if terms.cap is not None and units > terms.cap:
        yield Breach("licence.over_cap", {"units": units, "cap": terms.cap})


def normal_channel(marketplace: str) -> str:
    """A marketplace in its one spelling: case-folded, without blanks around it."""
    return marketplace.strip().casefold()


def _is_covered(terms: Terms, territory: str) -> bool:
    if territory in terms.except_territories:
        return False
    if territory == EVERYWHERE and terms.except_territories:
        return False
    return EVERYWHERE in terms.territories or territory in terms.territories


def sells(channel: str, marketplace: str, shop_id: str) -> bool:
    """Whether a channel of the terms covers a shop, or, of an unnamed one, may."""
    where, _, shop = channel.partition("/")
    return where == marketplace and (not shop or not shop_id or shop == shop_id)


def _subjects(given: Collection[str]) -> tuple[str, ...]:
    found = tuple(sorted({text.strip() for text in given}))
    if len(found) > MOST_SUBJECTS or not all(SUBJECT.fullmatch(text) for text in found):
        _refuse(
            "licence.terms",
            f"A licence names at most {MOST_SUBJECTS} designs and collections, by printable words.",
        )
    return found


def _countries(given: Collection[str]) -> tuple[str, ...]:
    found = tuple(sorted({text.strip().upper() for text in given}))
    unknown = [text for text in found if text not in COUNTRIES and text != EVERYWHERE]
    if unknown:
        _refuse(
            "licence.territory", "Territories are ISO 3166 codes of two letters.", territory=unknown[0][:10]
        )
    return found


def _check_territories(territories: tuple[str, ...], excepted: tuple[str, ...]) -> None:
    everywhere = territories == (EVERYWHERE,)
    if not territories or (EVERYWHERE in territories and not everywhere):
        _refuse("licence.territory", "Territories are countries, or * alone.", territory=EVERYWHERE)
    if EVERYWHERE in excepted or (excepted and not everywhere):
        _refuse(
            "licence.territory", "Only beside * countries can be excepted.", territory=_listed(excepted[:5])
        )


def _channel(text: str) -> str:
    marketplace, slash, shop_id = text.partition("/")
    marketplace, shop_id = normal_channel(marketplace), shop_id.strip()
    sound = 0 < len(marketplace) <= MARKETPLACE_CHARS and len(shop_id) <= SHOP_CHARS
    if not sound or (slash and not shop_id) or not f"{marketplace}{shop_id}".isprintable():
        _refuse("licence.channel", "A channel is `marketplace` or `marketplace/shop`.", channel=text[:100])
    return f"{marketplace}/{shop_id}" if slash else marketplace


def _listed(values: Collection[object]) -> str:
    return ", ".join(map(str, values))


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _read(name: str, value: object) -> Any:
    """A field of the terms from plain JSON. Raises TypeError or ValueError."""
    if name in {"starts_on", "ends_on"}:
        return None if value is None and name == "ends_on" else date.fromisoformat(_of(str, value))
    if name == "cap":
        return None if value is None else _of(int, value)
    if name in {"sublicensing", "exclusive"}:
        return _of(bool, value)
    kind: type = int if name == "goods" else str
    return tuple(_of(kind, one) for one in _of(list, value))


def _of(kind: type, value: object) -> Any:
    if type(value) is not kind:  # True is an int
        message = f"{kind.__name__} expected"
        raise TypeError(message)
    return value


def _refuse(code: str, message: str, **params: object) -> NoReturn:
    raise Rejected(message, code=code, **params)
