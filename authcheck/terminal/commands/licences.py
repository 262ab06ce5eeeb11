"""Commands of licences: offer, accept, decline, amend, revoke, list, show."""

from datetime import date, datetime
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from authcheck.ledger import publishing
from authcheck.licences import agreements, grants
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.registry import designs
from authcheck.storage.opening import Storage, open_storage, utc_now
from authcheck.terminal.output import console, licences
from authcheck.terminal.output.console import Json

licences_app = typer.Typer(no_args_is_help=True, help="Licences: what an owner lets a licensee do.")
Org = Annotated[str, typer.Option("--org", help="Handle of the organisation that acts.")]
LicenceId = Annotated[str, typer.Argument(metavar="LICENCE", help="Id of a licence version.")]
Designs = Annotated[
    list[str] | None, typer.Option("--design", help="A design's id or your reference of it; repeatable.")
]
Collections = Annotated[
    list[str] | None, typer.Option("--collection", help="A collection, whole; repeatable.")
]
Territories = Annotated[str, typer.Option(help="ISO 3166-1 codes with commas between, or *.")]
Excepted = Annotated[str, typer.Option("--except", help="Codes that are taken from *.")]
Goods = Annotated[str, typer.Option(help="Nice classes with commas between; all without it.")]
Channels = Annotated[
    str, typer.Option(help="marketplace or marketplace/shop, commas between; any without it.")
]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
Cap = Annotated[int | None, typer.Option(help="Units over all versions; any number without it.")]
Sub = Annotated[bool, typer.Option("--sublicensing", help="The licensee may pass it on.")]
Exclusive = Annotated[bool, typer.Option("--exclusive", help="Nobody else gets one that overlaps.")]


@licences_app.command("offer")
def offer_licence(
    organisation: Org,
    *,
    to: Annotated[str, typer.Option(help="Handle of the licensee.")],
    design: Designs = None,
    collection: Collections = None,
    territories: Territories = "*",
    excepted: Excepted = "",
    goods: Goods = "",
    channels: Channels = "",
    starts: Day = None,
    ends: Day = None,
    cap: Cap = None,
    sublicensing: Sub = False,
    exclusive: Exclusive = False,
    under: Annotated[str | None, typer.Option(help="The licence that you hold, for a sublicence.")] = None,
    json: Json = False,
) -> None:
    """Offer a licence; it counts when the licensee has accepted it. Without --starts from today on."""
    now = utc_now()
    with open_storage() as storage:
        with storage.database.writing() as session:
            owner = organisations.get_organisation(session, organisation)
            terms = Terms(
                designs=tuple(_design(session, owner, text) for text in design or ()),
                collections=tuple(collection or ()),
                territories=_listed(territories),
                except_territories=_listed(excepted),
                goods=_classes(goods),
                channels=_listed(channels),
                starts_on=_day(starts) or now.date(),
                ends_on=_day(ends),
                cap=cap,
                sublicensing=sublicensing,
                exclusive=exclusive,
            )
            licensee = organisations.get_organisation(session, to)
            made = agreements.offer(session, owner, licensee, terms, now, parent_id=under)
        _show_new(storage, made, now, json=json)


@licences_app.command("amend")
def amend_licence(
    licence: LicenceId,
    organisation: Org,
    *,
    territories: Annotated[str | None, typer.Option(help="As offer; what is not named stays.")] = None,
    excepted: Annotated[str | None, typer.Option("--except", help="As offer.")] = None,
    goods: Annotated[str | None, typer.Option(help="As offer.")] = None,
    channels: Annotated[str | None, typer.Option(help="As offer.")] = None,
    ends: Day = None,
    cap: Cap = None,
    json: Json = False,
) -> None:
    """Offer a licence's next version: it replaces the one in force when the licensee accepts it."""
    now = utc_now()
    with open_storage() as storage:
        with storage.database.writing() as session:
            owner = organisations.get_organisation(session, organisation)
            before = grants.get_licence(session, licence, organisation_id=owner.id)
            said = {
                "territories": territories if territories is None else list(_listed(territories)),
                "except_territories": excepted if excepted is None else list(_listed(excepted)),
                "goods": goods if goods is None else list(_classes(goods)),
                "channels": channels if channels is None else list(_listed(channels)),
                "ends_on": ends.date().isoformat() if ends else None,
                "cap": cap,
            }
            changed = {name: value for name, value in said.items() if value is not None}
            terms = Terms.from_json({**before.terms, **changed})
            made = agreements.amend(session, owner, licence, terms, now)
        _show_new(storage, made, now, json=json)


@licences_app.command("accept")
def accept_licence(licence: LicenceId, organisation: Org) -> None:
    """Accept an offer: it counts from now on."""
    _answer(licence, organisation, agreements.accept, "accepted")


@licences_app.command("decline")
def decline_licence(licence: LicenceId, organisation: Org) -> None:
    """Refuse an offer, for good."""
    _answer(licence, organisation, agreements.decline, "declined")


@licences_app.command("revoke")
def revoke_licence(
    licence: LicenceId,
    organisation: Org,
    *,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(agreements.REASONS)}.")],
) -> None:
    """End a licence in all its versions, for good."""

    def end(session: Session, owner: Organisation, licence_id: str, now: datetime) -> Licence:
        return agreements.revoke(session, owner, licence_id, reason, now)

    _answer(licence, organisation, end, "revoked")


@licences_app.command("list")
def list_licences(
    organisation: Org,
    *,
    role: Annotated[str | None, typer.Option(help="owner: those it gave; licensee: those it got.")] = None,
    json: Json = False,
) -> None:
    """List the licences that an organisation gave or got, every version."""
    with open_storage() as storage, storage.database.reading() as session:
        member = organisations.get_organisation(session, organisation)
        found = list(grants.all_licences(session, member.id, role=role))
        licences.show(session, found, utc_now(), json=json)


@licences_app.command("show")
def show_licence(licence: LicenceId, *, json: Json = False) -> None:
    """Show a licence: its terms, its state today, and how many units were made under it."""
    with open_storage() as storage, storage.database.reading() as session:
        found = grants.get_licence(session, licence)
        licences.show_one(session, found, utc_now(), json=json)


def _show_new(storage: Storage, made: Licence, now: datetime, *, json: bool) -> None:
    """Told only now that it is committed."""
    publishing.publish(storage.database, storage.settings)
    with storage.database.reading() as session:
        licences.show(session, [made], now, json=json)


def _answer(licence: str, organisation: str, act: agreements.Act, done: str) -> None:
    with open_storage() as storage:
        with storage.database.writing() as session:
            member = organisations.get_organisation(session, organisation)
            act(session, member, licence, utc_now())
        publishing.publish(storage.database, storage.settings)
    console.say(f"{licence} is {done}.")


def _design(session: Session, owner: Organisation, text: str) -> str:
    return text if text.startswith("dsn_") else designs.find_design(session, owner.handle, text).id


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _classes(text: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() and part.isascii() else -1 for part in _listed(text))


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
