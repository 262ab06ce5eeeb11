"""The form of an offer: what was typed, its terms, and which field an error is about."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Self

from authcheck.errors import AuthcheckError, Rejected
from authcheck.licences.codes import EVERYWHERE, read_classes
from authcheck.licences.regions import REGIONS, in_regions
from authcheck.licences.terms import Terms
from authcheck.licences.written import read_count, read_day

from .person import Form

MOST_CHARS = 300
SHOWN_DESIGNS = 60  # chosen designs with a checkbox of their own; a form has at most 400 fields
WHERE = ("world", "some", "except")
FIELDS = {
    "organisation.not_found": "licensee", "licence.licensee": "licensee", "licence.self": "licensee",
    "licence.terms": "subjects", "design.not_found": "subjects", "licence.outside_parent": "subjects",
    "appointment.outside": "subjects", "licence.territory": "where", "licence.exclusive": "where",
    "licence.goods": "goods", "licence.channel": "channels", "licence.period": "ends_on",
    "licence.cap": "cap", "number.malformed": "cap",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The fields of the form as they were typed. `licensee` is a handle or a part of a name."""

    licensee: str = ""
    parent: str = ""
    designs: Sequence[str] = ()
    collections: Sequence[str] = ()
    search: str = ""
    where: str = "some"
    regions: Sequence[str] = ()
    countries: Sequence[str] = ()
    goods: Sequence[str] = ()
    channels: str = ""
    starts_on: str = ""
    ends_on: str = ""
    cap: str = ""
    exclusive: bool = False
    sublicensing: bool = False
    shops: Sequence[str] = field(default=())

    @classmethod
    def read(cls, form: Form) -> Self:
        """Return what was sent. Lists stay whole, because a licence must not lose a shop silently."""
        texts = {
            name: form.text(name)[:MOST_CHARS] for name in ("parent", "search", "starts_on", "ends_on", "cap")
        }
        designs = [*form.texts("design"), *form.text("more_designs").split()]
        return cls(
            **texts,
            licensee=(form.text("member") or form.text("licensee"))[:MOST_CHARS],
            designs=list(dict.fromkeys(design[:MOST_CHARS] for design in designs)),
            collections=list(dict.fromkeys(form.texts("collection"))),
            where=form.text("where") if form.text("where") in WHERE else "some",
            regions=form.texts("region"),
            countries=form.texts("country"),
            goods=form.texts("goods"),
            channels=form.text("channels"),
            shops=form.texts("shop"),
            exclusive=form.text("exclusive") == "yes",
            sublicensing=form.text("sublicensing") == "yes",
        )

    @classmethod
    def of_terms(cls, terms: Terms, **more: Any) -> Self:
        """Return the form that is filled with these terms."""
        everywhere = EVERYWHERE in terms.territories
        where = ("except" if terms.except_territories else "world") if everywhere else "some"
        return cls(
            designs=terms.designs,
            collections=terms.collections,
            where=where,
            countries=terms.except_territories if everywhere else terms.territories,
            goods=[str(number) for number in terms.goods],
            channels="\n".join(terms.channels),
            starts_on=terms.starts_on.isoformat(),
            ends_on=terms.ends_on.isoformat() if terms.ends_on else "",
            cap=str(terms.cap) if terms.cap else "",
            exclusive=terms.exclusive,
            sublicensing=terms.sublicensing,
            **more,
        )

    def terms(self) -> Terms:
        """Return the terms, checked. Raises Rejected (`day`, `number.malformed`, and as `Terms.checked`)."""
        named = tuple(sorted({*self.countries, *in_regions(list(self.regions))}))
        unknown = [name for name in self.regions if name not in REGIONS]
        if unknown or (self.where != "world" and not named):
            raise Rejected("Choose at least one country.", code="licence.territory", territory="")
        return Terms(
            designs=tuple(self.designs),
            collections=tuple(self.collections),
            territories=named if self.where == "some" else (EVERYWHERE,),
            except_territories=named if self.where == "except" else (),
            goods=read_classes(", ".join(self.goods), error_code="licence.goods"),
            channels=tuple(
                line.strip() for line in (*self.channels.splitlines(), *self.shops) if line.strip()
            ),
            starts_on=_day(self.starts_on, "starts_on"),
            ends_on=_day(self.ends_on, "ends_on") if self.ends_on.strip() else None,
            cap=read_count(self.cap) if self.cap.strip() else None,
            exclusive=self.exclusive,
            sublicensing=self.sublicensing,
        ).checked()

    def with_shops(self, shops: Sequence[str]) -> Self:
        """Return the same form in which each of these shops, if a line names it, is chosen instead."""
        lines = [line.strip() for line in self.channels.splitlines() if line.strip()]
        chosen = [shop for shop in shops if shop in lines or shop in self.shops]
        rest = [*lines, *(shop for shop in self.shops if shop not in shops)]
        left = "\n".join(dict.fromkeys(line for line in rest if line not in chosen))
        return replace(self, channels=left, shops=chosen)

    def shown(self) -> dict[str, Any]:
        """Return the fields for the template."""
        return asdict(self)


def _day(text: str, name: str) -> date:
    """Read a day. The error says in `field` which of the two days it is."""
    try:
        return read_day(text, error_code="day")
    except Rejected as error:
        raise Rejected(str(error), code=error.code, **{**error.params, "field": name}) from error


def field_of(error: AuthcheckError) -> str:
    """Return the field that an error is about, "" for none."""
    if error.code == "appointment.outside" and "territory" in error.params:
        return "where"
    return str(error.params.get("field") or FIELDS.get(error.code, ""))
