"""The commands that also work at a server, and how a command of this computer becomes one of them."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from authcheck.errors import BadSetting
from authcheck.terminal.output import console
from authcheck.terminal.remote.logins import Login
from authcheck.terminal.remote.service import Service

AT_A_SERVER = {
    "check": "checking:check",
    "lookup": "looking:look_up",
    "who-may-sell": "looking:who_may_sell",
    "trust export": "looking:export_trust",
    "designs import": "registry:import_designs",
    "designs list": "registry:list_designs",
    "designs show": "registry:show_design",
    "designs change": "registry:change_design",
    "designs retire": "registry:retire_design",
    "rights add": "registry:add_right",
    "rights list": "registry:list_rights",
    "disputes list": "registry:list_disputes",
    "disputes show": "registry:show_dispute",
    "disputes state": "registry:state",
    "disputes appeal": "registry:appeal",
    "disputes accept": "registry:accept_ruling",
    "negatives add": "registry:add_negatives",
    "negatives list": "registry:list_negatives",
    "negatives remove": "registry:remove_negative",
    "licences offer": "licences:offer_licence",
    "licences amend": "licences:amend_licence",
    "licences accept": "licences:accept_licence",
    "licences decline": "licences:decline_licence",
    "licences revoke": "licences:revoke_licence",
    "licences list": "licences:list_licences",
    "licences show": "licences:show_licence",
    "storefronts add": "licences:add_storefront",
    "storefronts prove": "licences:prove_storefront",
    "storefronts confirm": "licences:confirm_storefront",
    "storefronts close": "licences:close_storefront",
    "storefronts list": "licences:list_storefronts",
    "agents appoint": "licences:appoint_agent",
    "agents list": "licences:list_agents",
    "agents end": "licences:end_appointment",
    "signing-keys create": "certificates:create_key",
    "signing-keys rotate": "certificates:rotate_key",
    "signing-keys list": "certificates:list_keys",
    "signing-keys revoke": "certificates:revoke_key",
    "certificates issue": "certificates:issue_certificates",
    "certificates batches": "certificates:list_batches",
    "certificates list": "certificates:list_certificates",
    "certificates revoke": "certificates:revoke_certificates",
    "certificates export": "certificates:export_units",
    "certificates waiting": "certificates:show_waiting",
    "certificates submit": "certificates:submit_signatures",
    "labels": "certificates:print_labels",
    "scans list": "certificates:list_scans",
    "scans figures": "certificates:show_figures",
    "scans alerts": "certificates:list_alerts",
    "scans handle": "certificates:handle_alert",
    "scans mark": "certificates:mark_units",
    "scans expect": "certificates:expect",
    "check-listing": "listings:check_listing",
    "listings list": "listings:list_listings",
    "listings show": "listings:show_listing",
    "listings import": "bulk:import_listings",
    "cases list": "cases:list_cases",
    "cases show": "cases:show_case",
    "cases next": "cases:take_next",
    "cases decide": "cases:decide",
    "cases undo": "cases:undo",
}
"""Functions by command. Each takes the options of its command but --org and --as: the key says who acts."""

OFFLINE = {"verify-bundle", "verify-badge", "signing-keys make", "certificates sign"}
"""The commands that need neither database nor server."""


def move(command: Any, name: str, login: Login) -> None:
    """Let a command, or each command of a group, work at the server. Its options and its help stay."""
    for word, inner in getattr(command, "commands", {}).items():
        move(inner, f"{name} {word}", login)
    if hasattr(command, "commands") or name in OFFLINE:
        return
    chosen_member = _optional(command, "--org")
    chosen_person = _optional(command, "--as")

    def refuse(**_: object) -> NoReturn:
        message = (
            f"{login.url} does not take `authcheck {name}`. `authcheck --local {name}` works with the data on"
            " this computer."
        )
        raise BadSetting(message, code="server.command", url=login.url)

    def ask(**given: Any) -> None:
        organisation = given.pop(chosen_member.name) if chosen_member else None
        if chosen_person and given.pop(chosen_person.name):
            raise BadSetting("At a server the key says who acts. Leave --as out.", code="setting.person")
        with Service(login, organisation or None) as service:
            _say_where(login, organisation)
            _function(AT_A_SERVER[name])(service, **given)

    command.callback = ask if name in AT_A_SERVER else refuse


def _optional(command: Any, name: str) -> Any:
    """Return the command's option of this name, which may be left out now, or None."""
    option = next((option for option in command.params if name in option.opts), None)
    if option is not None:
        option.required = False
    return option


def _say_where(login: Login, organisation: str | None) -> None:
    """Tell a person at a terminal where the command works: the answer could come from elsewhere."""
    if console.err().is_terminal:
        member = organisation or login.organisation
        console.say(f"{f'{member} at ' if member else ''}{login.url}", style="dim")


def _function(place: str) -> Callable[..., None]:
    module, name = place.split(":")
    function: Callable[..., None] = getattr(import_module(f"authcheck.terminal.remote.{module}"), name)
    return function
