"""The terms of a licence as data, and the breaches of a use. Pure: no database, no clock."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, NoReturn, Self

from authcheck.errors import Rejected
from authcheck.ids import fold, tidy
from authcheck.licences.codes import (
    BEFORE_HOST,
    COUNTRIES,
    EVERYWHERE,
    MARKETPLACE_CHARS,
    SHOP_CHARS,
    SHOWN_CHARS,
    checked_goods,
    normal_marketplace,
    normal_shop,
    normal_territories,
    sells,
    split_channel,
)

LARGEST_CAP = 1_000_000_000
MOST_SUBJECTS = 1000  # designs, collections or channels of one licence
SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a licence: its designs and collections, territories, goods, channels and period.

    `territories` are ISO 3166-1 alpha-2 codes, or "*" alone. `except_territories` is allowed only with "*".
    `goods` are Nice classes, () means all. `channels` are "marketplace" or "marketplace/shop_id", () means
    any. Days are in UTC, and `ends_on` is the last day. `cap` limits the units over all versions of the
    licence and its sublicences.
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
        """Return the same terms sorted, without repetitions, in canonical spelling.

        Raises Rejected: `licence.terms` (no design), `licence.territory`, `licence.goods`, `licence.channel`,
        `licence.period`, `licence.cap`.
        """
        designs, collections = _normal_subjects(self.designs), _normal_subjects(self.collections)
        if not designs and not collections:
            _refuse("licence.terms", "Name at least one design or collection.")
        goods = checked_goods(self.goods, error_code="licence.goods")
        if self.ends_on is not None and self.ends_on < self.starts_on:
            _refuse("licence.period", "The last day must not be before the first day.")
        if self.cap is not None and not 1 <= self.cap <= LARGEST_CAP:
            _refuse("licence.cap", f"The cap must be 1 to {LARGEST_CAP} units.", limit=LARGEST_CAP)
        if len(self.channels) > MOST_SUBJECTS:
            _refuse("licence.channel", f"Name at most {MOST_SUBJECTS} channels.", limit=MOST_SUBJECTS)
        territories = _normal_territories(self.territories)
        excepted = _normal_territories(self.except_territories)
        _check_territories(territories, excepted)
        return replace(
            self,
            designs=designs,
            collections=collections,
            territories=territories,
            except_territories=excepted,
            goods=goods,
            channels=tuple(sorted({_normal_channel(channel) for channel in self.channels})),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values for `from_json`, with days in ISO 8601 (`2026-11-23`)."""
        return {name: _to_plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read the output of `to_json`, with defaults. Raises Rejected (`licence.terms`)."""
        names = {field.name for field in fields(cls)}
        if not isinstance(value, dict) or not value.keys() <= names or "starts_on" not in value:
            _refuse("licence.terms", "The terms of the licence are not readable.")
        try:
            return cls(**{name: _read_field(name, plain) for name, plain in value.items()})
        except (TypeError, ValueError) as error:
            message = f"The terms of the licence are not readable: {error}."
            raise Rejected(message, code="licence.terms") from error

    @property
    def countries(self) -> frozenset[str]:
        """Return the ISO 3166-1 codes of the countries that the terms cover."""
        named = COUNTRIES if EVERYWHERE in self.territories else frozenset(self.territories)
        return named.difference(self.except_territories)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A licence version with its times. `units_issued` counts its series and its sublicences."""

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
        """Return the state on a UTC day, such as `active`. An active sublicence has its parent's state."""
        own_state = self._own_state(on)
        return self.parent.state(on) if own_state == "active" and self.parent is not None else own_state

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
    """A use of a design on a UTC day. None and () are not checked. `units` are additional units."""

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
    """A broken term: its code and the numbers that explain it. `licence_id` is the licence with the term."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    licence_id: str = field(default="", compare=False)  # a parent with the same term adds no breach


def breaches(grant: Grant, use: Use) -> tuple[Breach, ...]:
    """Return every term that a use breaks, of the licence and its parents. () if the use is covered."""
    distinct: list[Breach] = []
    link: Grant | None = grant
    while link is not None:
        of_link = (*_breaches_of_time(link, use.on), *_breaches_of_terms(link, use))
        distinct += [replace(breach, licence_id=link.id) for breach in of_link if breach not in distinct]
        link = link.parent
    return tuple(distinct)


def _breaches_of_time(grant: Grant, on: date) -> Iterator[Breach]:
    terms = grant.terms
    if grant.accepted_at is None:
        yield Breach("licence.not_accepted")
    elif grant.accepted_at.date() > on:
        accepted = grant.accepted_at.date()
        days = (accepted - on).days
        yield Breach("licence.accepted_later", {"days": days, "accepted": accepted.isoformat()})
    for code, at in (("licence.revoked", grant.revoked_at), ("licence.superseded", grant.superseded_at)):
        if at is not None and at.date() <= on:
            yield Breach(code, {"days": (on - at.date()).days})
    if terms.ends_on is not None and terms.ends_on < on:
        ended = terms.ends_on.isoformat()
        yield Breach("licence.lapsed", {"days": (on - terms.ends_on).days, "ended": ended})
    if on < terms.starts_on:
        starts = terms.starts_on.isoformat()
        yield Breach("licence.not_started", {"days": (terms.starts_on - on).days, "starts": starts})


def _breaches_of_terms(grant: Grant, use: Use) -> Iterator[Breach]:
    terms = grant.terms
    if use.design_id not in terms.designs and (
        use.collection is None or use.collection not in terms.collections
    ):
        yield Breach("licence.other_design")
    if use.territory is not None and not _is_covered(terms, use.territory.strip().upper()):
        allowed = _join(terms.territories)
        if terms.except_territories:
            allowed += f" except {_join(terms.except_territories)}"
        yield Breach("licence.territory", {"territory": use.territory.strip().upper(), "allowed": allowed})
    outside = sorted(set(use.goods).difference(terms.goods)) if terms.goods else []
    if outside:
        yield Breach("licence.goods", {"goods": _join(outside), "allowed": _join(terms.goods)})
    if use.marketplace is not None and terms.channels:
        marketplace, shop_id = normal_marketplace(use.marketplace), normal_shop(use.shop_id or "")
        if not any(sells(channel, marketplace, shop_id) for channel in terms.channels):
            channel = f"{marketplace}/{shop_id}" if shop_id else marketplace
            yield Breach("licence.channel", {"channel": channel, "allowed": _join(terms.channels)})
    units = grant.units_issued + use.units
    if terms.cap is not None and units > terms.cap:
        yield Breach("licence.over_cap", {"units": units, "cap": terms.cap})


def _is_covered(terms: Terms, territory: str) -> bool:
    if territory in terms.except_territories:
        return False
    if territory == EVERYWHERE and terms.except_territories:
        return False
    return EVERYWHERE in terms.territories or territory in terms.territories


def _normal_subjects(values: Collection[str]) -> tuple[str, ...]:
    subjects = tuple(sorted({tidy(value) for value in values}))
    if len(subjects) > MOST_SUBJECTS or not all(SUBJECT.fullmatch(subject) for subject in subjects):
        _refuse(
            "licence.terms",
            f"Name at most {MOST_SUBJECTS} designs and {MOST_SUBJECTS} collections, in printable characters.",
        )
    return subjects


def _normal_territories(values: Collection[str]) -> tuple[str, ...]:
    named = {value: normal_territories(value) for value in values}
    unknown = [value.strip()[:SHOWN_CHARS] for value, codes in named.items() if codes is None]
    if unknown:
        message = f"{unknown[0]!r} is not a territory. Use ISO 3166-1 codes of two letters, such as FR."
        _refuse("licence.territory", message, territory=unknown[0])
    return tuple(sorted({code for codes in named.values() for code in codes or ()}))


def _check_territories(territories: tuple[str, ...], excepted: tuple[str, ...]) -> None:
    everywhere = territories == (EVERYWHERE,)
    if not territories or (EVERYWHERE in territories and not everywhere):
        _refuse(
            "licence.territory", "Name the countries, or * alone for all countries.", territory=EVERYWHERE
        )
    if EVERYWHERE in excepted or (excepted and not everywhere):
        message = "Countries can be excepted only if the territory is *."
        _refuse("licence.territory", message, territory=_join(excepted[:5]))


def _normal_channel(channel: str) -> str:
    marketplace, shop_id = split_channel(channel)
    has_lengths = 0 < len(marketplace) <= MARKETPLACE_CHARS and len(shop_id) <= SHOP_CHARS
    is_address = "/" in shop_id and BEFORE_HOST.match(fold(channel)) is not None
    if not has_lengths or is_address or not f"{marketplace}{shop_id}".isprintable():
        message = f"{channel[:100]!r} is not a channel. Write it as `marketplace` or `marketplace/shop`."
        _refuse("licence.channel", message, channel=channel[:100])
    return f"{marketplace}/{shop_id}" if shop_id else marketplace


def _join(values: Collection[object]) -> str:
    return ", ".join(map(str, values))


def _to_plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _read_field(name: str, value: object) -> Any:
    """Return a field of the terms from plain JSON. Raises TypeError or ValueError."""
    if name in {"starts_on", "ends_on"}:
        return None if value is None and name == "ends_on" else date.fromisoformat(_check_type(str, value))
    if name == "cap":
        return None if value is None else _check_type(int, value)
    if name in {"sublicensing", "exclusive"}:
        return _check_type(bool, value)
    kind: type = int if name == "goods" else str
    return tuple(_check_type(kind, item) for item in _check_type(list, value))


def _check_type(kind: type, value: object) -> Any:
    if type(value) is not kind:  # not isinstance: True is an int
        message = f"{kind.__name__} expected"
        raise TypeError(message)
    return value


def _refuse(code: str, message: str, **params: object) -> NoReturn:
    raise Rejected(message, code=code, **params)
