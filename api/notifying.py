"""Mails about events, sent in the background of a server process, in the language of each reader."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from functools import partial

from fastapi.concurrency import run_in_threadpool

from authcheck.licences.ending_rights import warn_of_ends
from authcheck.members import notifications
from authcheck.members.mail import Mail, Mailer
from authcheck.members.notifications import Letter
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from .i18n import DEFAULT, LANGUAGES, Language
from .rounds import ended_within, in_background, log_faults

EVERY_S = 20.0
SWEEP_EVERY_S = 3600.0
MOST_LINES = 50  # of one mail
log = logging.getLogger("authcheck.api.notifying")


@asynccontextmanager
async def notified_in_background(workspace: Workspace, mailer: Callable[[], Mailer]) -> AsyncIterator[None]:
    """Send what is due every 20 seconds, until the block ends. Every hour look for rights that end soon."""
    async with in_background(partial(_repeat, workspace, mailer)):
        yield


async def _repeat(workspace: Workspace, mailer: Callable[[], Mailer], end: asyncio.Event) -> None:
    rounds = 0
    while not await ended_within(end, EVERY_S):
        if rounds % (SWEEP_EVERY_S // EVERY_S) == 0:
            await run_in_threadpool(_logging_faults, partial(sweep, workspace, utc_now()))
        await run_in_threadpool(_logging_faults, partial(send_due, workspace, mailer(), utc_now()))
        rounds += 1


def sweep(workspace: Workspace, now: datetime) -> None:
    """Note warnings of rights that end soon, and forget what was told long ago."""
    with workspace.database.writing() as session:
        warn_of_ends(session, now)
        notifications.forget_old(session, now)


def send_due(workspace: Workspace, mailer: Mailer, now: datetime) -> int:
    """Send the mails that are due, and return their number. One that fails is tried again later."""
    with workspace.database.writing() as session:
        letters = notifications.take_due(session, now)
    for letter in letters:
        _logging_faults(partial(_send, workspace, mailer, letter, now))
    return len(letters)


def _send(workspace: Workspace, mailer: Mailer, letter: Letter, now: datetime) -> None:
    mailer.send(write(letter, workspace.settings.public_url))
    with workspace.database.writing() as session:
        notifications.mark_sent(session, letter, now)


def write(letter: Letter, public_url: str) -> Mail:
    """Return a mail: what happened, a line for each event with the address of its page, and why it came."""
    language = LANGUAGES.get(letter.person.language or "", LANGUAGES[DEFAULT])
    key, base = f"mail.news.{letter.kind}", public_url.rstrip("/")
    lines = [
        f"{language.plain(key, **_in_words(language, row.facts))}\n{base}{row.page}"
        for row in letter.rows[:MOST_LINES]
    ]
    if len(letter.rows) > MOST_LINES:
        lines.append(language.plain("mail.news.more", count=str(len(letter.rows) - MOST_LINES)))
    text = language.plain(
        "mail.news.text",
        name=letter.person.name,
        lines="\n\n".join(lines),
        organisation=letter.organisation.name,
    )
    return Mail(letter.person.email, language.plain(f"{key}.subject"), text)


def _in_words(language: Language, facts: Mapping[str, object]) -> dict[str, str]:
    """Return the values of a sentence in words: the kind of a right by its name, a day as people write it."""
    words = {name: str(value) for name, value in facts.items()}
    if "right" in words:
        kind = language.plain(f"rights.kind.{words['right']}")
        words["right"] = f"{kind} {words.get('number', '')}".strip()
    if "day" in words:
        words["day"] = language.day(date.fromisoformat(words["day"]))
    return words


def _logging_faults(work: Callable[[], object]) -> None:
    log_faults(work, log, "a mail waits")
