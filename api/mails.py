"""Mails to people, in the language of the request that causes them."""

import logging

from starlette.requests import Request

from authcheck.errors import AuthcheckError
from authcheck.members.mail import ConsoleMailer, Mail, Mailer
from authcheck.members.tables import OneTimeLink, Person

from .i18n import language_of

log = logging.getLogger("authcheck.api")


def send_invitation(request: Request, link: OneTimeLink, secret: str, organisation: str) -> str | None:
    """Send an invitation. Return the link's address if no mail was sent, so that the caller hands it on."""
    address = address_of(request, f"/join/{secret}")
    was_sent = _send(request, link.email, "invite", organisation=organisation, link=address)
    return None if was_sent else address


def send_application(request: Request, link: OneTimeLink, secret: str, organisation: str) -> None:
    """Send the link by which an organisation that applies begins."""
    address = address_of(request, f"/apply/{secret}")
    _send(request, link.email, "apply", name=link.name, organisation=organisation, link=address)


def send_new_password(request: Request, person: Person, secret: str) -> None:
    """Send a link for a new password."""
    address = address_of(request, f"/new-password/{secret}")
    _send(request, person.email, "reset", name=person.name, link=address)


def send_changed(request: Request, person: Person) -> None:
    """Tell a person that the password was changed, so that a stolen account is noticed."""
    _send(request, person.email, "changed", name=person.name, link=address_of(request, "/sign-in/forgot"))


def send_joined(request: Request, to: str, person: Person, organisation: str) -> None:
    """Tell the sender of an invitation who has joined, so that a forwarded invitation is noticed."""
    _send(
        request,
        to,
        "joined",
        person=person.name,
        email=person.email,
        organisation=organisation,
        link=address_of(request, "/people"),
    )


def address_of(request: Request, path: str) -> str:
    """Return the public address of a path. What the request says about its host does not count."""
    url: str = request.app.state.workspace.settings.public_url
    return url.rstrip("/") + path


def _send(request: Request, to: str, kind: str, **values: str) -> bool:
    """Send a mail, and return whether a mail server took it. A failure goes to the log."""
    sentence = language_of(request).plain
    mailer: Mailer = request.app.state.mailer
    mail = Mail(to, sentence(f"mail.{kind}.subject", **values), sentence(f"mail.{kind}.text", **values))
    try:
        mailer.send(mail)
    except AuthcheckError as error:
        log.warning("%s %s: %s", request.state.request_id, error.code, error)
        return False
    return not isinstance(mailer, ConsoleMailer)
