"""Commands that offer, accept, decline, amend, revoke, list and show licences."""

from datetime import date, datetime
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from authcheck.errors import BadSetting
from authcheck.ids import as_word
from authcheck.ledger import publishing
from authcheck.licences import agreements, grants
from authcheck.licences.codes import read_classes
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.licences.written import read_day
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.registry.design_names import find_id
from authcheck.storage.opening import Storage, open_storage, utc_now
from authcheck.terminal.output import console, licences
from authcheck.terminal.output.console import Json, Sure

licences_app = typer.Typer(no_args_is_help=True, help="Licences of owners to licensees.")
Org = Annotated[str, typer.Option("--org", help="Handle of your organisation.")]
LicenceId = Annotated[str, typer.Argument(metavar="LICENCE", help="Id of a licence version.")]
Designs = Annotated[
    list[str] | None, typer.Option("--design", help="Design id or your reference. Repeatable.")
]
Collections = Annotated[list[str] | None, typer.Option("--collection", help="Whole collection. Repeatable.")]
Territories = Annotated[str, typer.Option(help="Countries, comma-separated, or *.")]
Excepted = Annotated[str, typer.Option("--except", help="Codes to exclude from *.")]
Goods = Annotated[str, typer.Option(help="Nice classes, comma-separated. Default: all.")]
Channels = Annotated[
    str, typer.Option(help="MARKETPLACE or MARKETPLACE/SHOP, comma-separated. Default: all.")
]
Starts = Annotated[str | None, typer.Option(metavar="DATE", help="First day. Default: today in UTC.")]
Ends = Annotated[str | None, typer.Option(metavar="DATE", help="Last day, in UTC. Default: no end.")]
Cap = Annotated[
    int | None, typer.Option(parser=console.read_number, help="Units over all versions. Default: no cap.")
]
Sub = Annotated[bool, typer.Option("--sublicensing", help="Allow sublicences.")]
Exclusive = Annotated[bool, typer.Option("--exclusive", help="Exclude overlapping licences.")]


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
    starts: Starts = None,
    ends: Ends = None,
    cap: Cap = None,
    sublicensing: Sub = False,
    exclusive: Exclusive = False,
    under: Annotated[str | None, typer.Option(help="For a sublicence: your own licence.")] = None,
    json: Json = False,
) -> None:
    """Offer a licence. It is valid once the licensee accepts it. Starts today by default."""
    now = utc_now()
    with open_storage() as storage:
        with storage.database.writing() as session:
            owner = organisations.get_organisation(session, organisation)
            terms = Terms(
                designs=tuple(find_id(session, owner.id, name) for name in design or ()),
                collections=tuple(collection or ()),
                territories=console.split_list(territories),
                except_territories=console.split_list(excepted),
                goods=_read_classes(goods),
                channels=console.split_list(channels),
                starts_on=_to_date(starts) or now.date(),
                ends_on=_to_date(ends),
                cap=cap,
                sublicensing=sublicensing,
                exclusive=exclusive,
            )
            licensee = organisations.get_organisation(session, to)
            licence = agreements.offer(session, owner, licensee, terms, now, parent_id=under)
        _publish_and_show(storage, licence, now, json=json)


@licences_app.command("amend")
def amend_licence(
    licence: LicenceId,
    organisation: Org,
    *,
    territories: Annotated[str | None, typer.Option(help="See offer. Default: no change.")] = None,
    excepted: Annotated[str | None, typer.Option("--except", help="See offer.")] = None,
    goods: Annotated[str | None, typer.Option(help="See offer.")] = None,
    channels: Annotated[str | None, typer.Option(help="See offer.")] = None,
    ends: Ends = None,
    cap: Cap = None,
    json: Json = False,
) -> None:
    """Offer a new version of a licence. It replaces the current version once accepted."""
    now = utc_now()
    with open_storage() as storage:
        with storage.database.writing() as session:
            owner = organisations.get_organisation(session, organisation)
            current = grants.get_licence(session, licence, organisation_id=owner.id)
            new_terms = {
                "territories": territories if territories is None else list(console.split_list(territories)),
                "except_territories": excepted if excepted is None else list(console.split_list(excepted)),
                "goods": goods if goods is None else list(_read_classes(goods)),
                "channels": channels if channels is None else list(console.split_list(channels)),
                "ends_on": last_day.isoformat() if (last_day := _to_date(ends)) else None,
                "cap": cap,
            }
            changes = {name: value for name, value in new_terms.items() if value is not None}
            terms = Terms.from_json({**current.terms, **changes})
            version = agreements.amend(session, owner, licence, terms, now)
        _publish_and_show(storage, version, now, json=json)


@licences_app.command("accept")
def accept_licence(licence: LicenceId, organisation: Org) -> None:
    """Accept an offer. It is valid at once."""
    _change_licence(licence, organisation, agreements.accept, "accepted")


@licences_app.command("decline")
def decline_licence(licence: LicenceId, organisation: Org) -> None:
    """Decline an offer permanently."""
    _change_licence(licence, organisation, agreements.decline, "declined")


@licences_app.command("revoke")
def revoke_licence(
    licence: LicenceId,
    organisation: Org,
    *,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(agreements.REASONS)}.")],
    yes: Sure = False,
) -> None:
    """Revoke a licence permanently, all versions."""
    console.confirm(f"Revoke the licence {licence} of {organisation}", yes=yes)

    def revoke(session: Session, owner: Organisation, licence_id: str, now: datetime) -> Licence:
        return agreements.revoke(session, owner, licence_id, reason, now)

    _change_licence(licence, organisation, revoke, "revoked")


@licences_app.command("list")
def list_licences(
    organisation: Org,
    *,
    role: Annotated[str | None, typer.Option(help="owner: given licences. licensee: received.")] = None,
    json: Json = False,
) -> None:
    """List an organisation's given and received licences, all versions."""
    role = None if role is None else as_word(role)
    if role not in {None, "owner", "licensee"}:
        raise BadSetting(f"{role!r} is not a role in a licence. Use owner or licensee.", code="setting.role")
    with open_storage() as storage, storage.database.reading() as session:
        member = organisations.get_organisation(session, organisation)
        versions = list(grants.all_licences(session, member.id, role=role))
        licences.show(session, versions, utc_now(), json=json)


@licences_app.command("show")
def show_licence(licence: LicenceId, *, json: Json = False) -> None:
    """Show a licence: terms, current state, and number of units."""
    with open_storage() as storage, storage.database.reading() as session:
        version = grants.get_licence(session, licence)
        licences.show_one(session, version, utc_now(), json=json)


def _publish_and_show(storage: Storage, version: Licence, now: datetime, *, json: bool) -> None:
    """Publish the ledger and show a licence version. Call this only after the commit of the version."""
    publishing.publish_recorded(storage.database, storage.settings)
    with storage.database.reading() as session:
        licences.show(session, [version], now, json=json)


def _change_licence(licence: str, organisation: str, act: agreements.Act, new_state: str) -> None:
    with open_storage() as storage:
        with storage.database.writing() as session:
            member = organisations.get_organisation(session, organisation)
            act(session, member, licence, utc_now())
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(f"{licence} is {new_state}.")


def _read_classes(text: str) -> tuple[int, ...]:
    return read_classes(text, error_code="licence.goods")


def _to_date(text: str | None) -> date | None:
    return None if text is None else read_day(text, error_code="licence.period")
