"""What the terminal shows of listings: the verdict, what it rests on, and the rows of a bulk hand-in."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text

from authcheck.checks.reasons import reason_sentence
from authcheck.checks.verdicts import Reason
from authcheck.listings.evidence import Evidence
from authcheck.listings.imports import RowDone, count
from authcheck.listings.judging import Judged, Unreadable, decide_again
from authcheck.listings.rules import Decision
from authcheck.listings.tables import Listing, ListingImport
from authcheck.terminal.output import console

QUIET = ("licensed", "none")
STYLES = {
    "rejected": "bold red",
    "licensed": "green",
    "unlicensed_use": "bold red",
    "licence_breach": "bold red",
    "certificate_mismatch": "bold red",
    "certificate_invalid": "bold red",
    "clone_suspected": "bold red",
    "lookalike": "yellow",
    "none": "green",
}


def listing_dict(listing: Listing, decision: Decision) -> dict[str, Any]:
    """A listing for JSON."""
    found = Evidence.from_json(listing.evidence)
    return {
        "id": listing.id,
        "reference": listing.reference,
        "seller": listing.seller,
        "channel": listing.channel,
        "territory": listing.territory,
        "goods": listing.goods,
        "price": listing.price,
        "listed_on": listing.listed_on.isoformat(),
        "certificate": listing.certificate_code,
        "verdict": decision.code.value,
        "severity": decision.severity,
        "design": decision.design_id,
        "licence": decision.licence_id,
        "reasons": [{"code": reason.code, **reason.params} for reason in decision.reasons],
        "designs": [
            {
                "id": one.design_id,
                "reference": one.reference,
                "owner": one.owner,
                "verdict": one.verdict,
                "score": one.score,
                "pictures": list(one.pictures),
            }
            for one in found.designs
        ],
        "checks": {str(picture.place): picture.check_id for picture in listing.pictures},
        "policy": listing.policy,
        "handed_in_at": listing.handed_in_at.isoformat(),
        "decided_at": listing.decided_at.isoformat(),
    }


def show_judged(judged: Judged, *, json: bool) -> None:
    """A listing just checked."""
    if json:
        unreadable = [
            {"place": one.place, "picture": one.name, "code": one.code, "detail": one.detail}
            for one in judged.unreadable
        ]
        told = listing_dict(judged.listing, judged.decision)
        console.json_line({**told, "again": judged.again, "unreadable": unreadable})
        return
    for one in judged.unreadable:
        show_unreadable(one)
    _show(judged.listing, judged.decision)


def show_unreadable(one: Unreadable) -> None:
    """A picture that could not be looked at, with why."""
    console.say(f"{one.name}: {one.detail} [{one.code}]", style="red")


def show_listing(listing: Listing, *, json: bool) -> None:
    """A stored listing, decided again from its evidence."""
    decision = decide_again(listing)
    if json:
        console.json_line(listing_dict(listing, decision))
    else:
        _show(listing, decision)


def _show(listing: Listing, decision: Decision) -> None:
    found = Evidence.from_json(listing.evidence)
    where = f"{listing.seller} on {listing.channel} in {listing.territory}, {listing.listed_on}"
    line = Text.assemble(
        styled(decision.code.value), f"  {console.plain(listing.reference)}  {console.plain(where)}"
    )
    console.out().print(line, soft_wrap=True)
    for reason in decision.reasons:
        console.out().print(f"  {_words(reason)}", markup=False, soft_wrap=True)
    for one in found.designs:
        pictures = ", ".join(str(place + 1) for place in one.pictures)
        told = f"  {one.verdict}: {one.reference} of {one.owner}, score {one.score:.3f}, picture {pictures}"
        console.out().print(console.plain(told), markup=False, soft_wrap=True)
    console.out().print(f"  {listing.id}", style="dim", markup=False)


def _words(reason: Reason) -> str:
    return console.plain(reason_sentence(reason.code, reason.params))


def styled(verdict: str) -> Text:
    """A listing's verdict in its colour."""
    return Text(verdict, style=STYLES.get(verdict, ""))


def show_listings(listings: Iterable[Listing], *, json: bool) -> None:
    """A line a listing."""
    shown = console.table("reference", "seller", "channel", "on", "verdict", "id", whole=("verdict", "id"))
    for one in listings:
        if json:
            console.json_line(listing_dict(one, decide_again(one)))
        words = (one.reference, one.seller, one.channel, one.listed_on.isoformat())
        shown.add_row(*map(Text, words), styled(one.verdict), one.id)
    if not json:
        console.out().print(shown)


def show_row(done: RowDone, *, json: bool) -> None:
    """A row of a bulk hand-in; those on which nobody has to act are only counted."""
    result = done.result
    if json:
        console.json_line({"line": done.line, "reference": done.reference, **result})
        return
    verdict, reference = str(result.get("verdict", "")), console.plain(done.reference)
    for told in result.get("unreadable", ()):
        console.say(f"line {done.line}  {reference}: {told}", style="red")
    if verdict in QUIET:
        return
    line = Text.assemble(f"line {done.line}  {reference}  ", styled(verdict or "rejected"))
    if not verdict:
        column = f", {result['column']}" * bool(result["column"])
        line.append(f": {console.plain(result['detail'])} [{result['code']}{column}]")
    console.out().print(line, soft_wrap=True)


def show_counts(made: ListingImport, done: Sequence[RowDone]) -> None:
    """The last line of a bulk hand-in."""
    words = ", ".join(f"{number} {word}" for word, number in count(done).items()) or "nothing"
    left = f"; {made.total - len(done)} are left: authcheck listings resume {made.id}"
    console.say(f"{made.id}: {words} of {made.total} rows{left * (made.total > len(done))}.")
