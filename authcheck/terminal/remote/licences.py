"""Licences, official shops and agents at a server."""

from typing import Any

import typer

from authcheck.licences.codes import read_classes
from authcheck.licences.written import read_day
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output import licences as output
from authcheck.terminal.remote.answers import line, show_rows
from authcheck.terminal.remote.service import Service, place


def offer_licence(
    service: Service,
    *,
    to: str,
    design: list[str] | None,
    collection: list[str] | None,
    territories: str,
    excepted: str,
    goods: str,
    channels: str,
    starts: str | None,
    ends: str | None,
    cap: int | None,
    sublicensing: bool,
    exclusive: bool,
    under: str | None,
    json: bool,
) -> None:
    """Offer a licence."""
    terms = {
        "designs": list(design or ()),
        "collections": list(collection or ()),
        **_changed_terms(territories, excepted, goods, channels, ends, cap),
        "starts_on": _day(starts) or utc_now().date().isoformat(),
        "sublicensing": sublicensing,
        "exclusive": exclusive,
    }
    body = {"licensee": to, "parent": under, "terms": terms}
    output.show_facts([service.send("POST", "/v1/licences", body)], json=json)


def amend_licence(
    service: Service,
    *,
    licence: str,
    territories: str | None,
    excepted: str | None,
    goods: str | None,
    channels: str | None,
    ends: str | None,
    cap: int | None,
    json: bool,
) -> None:
    """Offer a new version of a licence."""
    terms = service.get(place("licences", licence))["terms"]
    changes = _changed_terms(territories, excepted, goods, channels, ends, cap)
    output.show_facts([service.send("POST", place("licences", licence, "amend"), terms | changes)], json=json)


def _changed_terms(  # noqa: PLR0917 - the options of two commands
    territories: str | None,
    excepted: str | None,
    goods: str | None,
    channels: str | None,
    ends: str | None,
    cap: int | None,
) -> dict[str, Any]:
    """Return the terms that the options name."""
    named = {
        "territories": None if territories is None else list(console.split_list(territories)),
        "except_territories": None if excepted is None else list(console.split_list(excepted)),
        "goods": None if goods is None else list(read_classes(goods, error_code="licence.goods")),
        "channels": None if channels is None else list(console.split_list(channels)),
        "ends_on": _day(ends),
        "cap": cap,
    }
    return {name: value for name, value in named.items() if value is not None}


def _day(text: str | None) -> str | None:
    return None if text is None else read_day(text, error_code="licence.period").isoformat()


def accept_licence(service: Service, *, licence: str) -> None:
    """Accept an offer."""
    _act(service, licence, "accept")


def decline_licence(service: Service, *, licence: str) -> None:
    """Decline an offer permanently."""
    _act(service, licence, "decline")


def revoke_licence(service: Service, *, licence: str, reason: str, yes: bool) -> None:
    """Revoke a licence permanently, all versions."""
    console.confirm(f"Revoke the licence {licence}", yes=yes)
    _act(service, licence, "revoke", {"reason": reason})


def _act(service: Service, licence: str, act: str, body: dict[str, str] | None = None) -> None:
    row = service.send("POST", place("licences", licence, act), body)
    console.say(f"{row['id']} is {row['state'].replace('_', ' ')}.")


def list_licences(service: Service, *, role: str | None, json: bool) -> None:
    """List given and received licences, all versions."""
    output.show_facts(list(service.items("/v1/licences", role=role)), json=json)


def show_licence(service: Service, *, licence: str, json: bool) -> None:
    """Show a licence with all its terms. The designs of another owner have no names here, only ids."""
    facts = service.get(place("licences", licence))
    is_own = facts["owner"] == service.organisation
    ids = facts["terms"]["designs"] if is_own and not json else []
    references = {design_id: service.get(place("designs", design_id))["reference"] for design_id in ids}
    output.show_one_from(facts, references, json=json)


def add_storefront(service: Service, *, marketplace: str, shop: str, url: str) -> None:
    """Claim a shop and print its id."""
    row = service.send("POST", "/v1/storefronts", {"marketplace": marketplace, "shop": shop, "url": url})
    console.data_line(row["id"])


def prove_storefront(service: Service, *, storefront: str) -> None:
    """Let the server look at the shop's page. Exit 1 when the page does not show the text."""
    row = service.send("POST", place("storefronts", storefront, "proof"))
    if not row["problem"]:
        console.say(f"{row['shop']} on {row['marketplace']} is proved.")
        return
    console.say(f"The page does not prove the shop [{row['problem']}]. It must show this text:")
    console.data_line(row["show"])
    raise typer.Exit(1)


def confirm_storefront(service: Service, *, storefront: str, withdraw: bool) -> None:
    """Prove a shop by the word of its marketplace, whose key this is."""
    body = {"confirmed": not withdraw}
    row = service.send("POST", place("storefronts", storefront, "confirmation"), body)
    console.say(f"{row['shop']} on {row['marketplace']} is {row['proof']} now.")


def close_storefront(service: Service, *, storefront: str) -> None:
    """End the official state of a shop."""
    row = service.send("DELETE", place("storefronts", storefront))
    console.say(f"{row['shop']} on {row['marketplace']} is closed.")


def list_storefronts(service: Service, *, json: bool) -> None:
    """List the member's shops, oldest first, also closed."""
    for row in service.items("/v1/storefronts"):
        if json:
            console.json_line(row)
        else:
            state = "closed" if row["closed_at"] else row["proof"]
            line(f"{row['id']}  {state}  {row['marketplace']}  {row['shop']}  {row['url']}")


def appoint_agent(
    service: Service,
    *,
    agent: str,
    scope: list[str],
    design: list[str] | None,
    territories: str,
    ends: str,
    json: bool,
) -> None:
    """Appoint an agent for the member's brand."""
    body = {
        "agent": agent,
        "scopes": list(scope),
        "designs": list(design or ()),
        "territories": list(console.split_list(territories) or ("*",)),
        "ends_on": read_day(ends, error_code="appointment.ends").isoformat(),
    }
    _show_agents([service.send("POST", "/v1/appointments", body)], json=json)


def list_agents(service: Service, *, json: bool) -> None:
    """List the appointments that the member gave or got, oldest first."""
    _show_agents(list(service.items("/v1/appointments")), json=json)


def _show_agents(rows: list[dict[str, Any]], *, json: bool) -> None:
    columns = {
        "appointment": "id",
        "agent": "agent",
        "brand": "client",
        "state": "state",
        "may": lambda row: ", ".join(row["scopes"]),
        "until": "ends_on",
    }
    show_rows(rows, columns, json=json, whole=("appointment", "until"))


def end_appointment(service: Service, *, appointment: str) -> None:
    """End an appointment at once and permanently."""
    row = service.send("DELETE", place("appointments", appointment))
    console.say(f"{row['agent']} does not act for {row['client']} since {row['ended_at']}.")
