"""Terminal output of listings: the verdict, its evidence, and the rows of a bulk import."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.text import Text

from authcheck.checks.reasons import reason_sentence
from authcheck.checks.verdicts import Reason
from authcheck.listings.details import DETAILS
from authcheck.listings.evidence import Evidence
from authcheck.listings.imports import RowDone, count
from authcheck.listings.judging import Judged, Unreadable, decide_again
from authcheck.listings.rules import Decision
from authcheck.listings.tables import Listing, ListingImport
from authcheck.terminal.output import console

SHOWN_CHARS = 300  # of a detail
QUIET = (
    "licensed",
    "none",
)  # verdicts that need no action: exit status 0, and an import only counts their rows
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
    """Return a listing for JSON."""
    evidence = Evidence.from_json(listing.evidence)
    return {
        "id": listing.id,
        "reference": listing.reference,
        "seller": listing.seller,
        "channel": listing.channel,
        "territory": listing.territory,
        "goods": listing.goods,
        "price": listing.price,
        "price_amount": listing.price.partition(" ")[0] if listing.price else None,
        "currency": listing.currency,
        "listed_on": listing.listed_on.isoformat(),
        **{field: getattr(listing, field) for field in DETAILS},
        "remarks": listing.remarks or [],
        "certificate": listing.certificate_code,
        "verdict": decision.code.value,
        "severity": decision.severity,
        "design": decision.design_id,
        "licence": decision.licence_id,
        "reasons": [{"code": reason.code, **reason.params} for reason in decision.reasons],
        "designs": [
            {
                "id": design.design_id,
                "reference": design.reference,
                "owner": design.owner,
                "verdict": design.verdict,
                "score": design.score,
                "pictures": list(design.pictures),
            }
            for design in evidence.designs
        ],
        "checks": {str(picture.place): picture.check_id for picture in listing.pictures},
        "policy": listing.policy,
        "handed_in_at": listing.handed_in_at.isoformat(),
        "decided_at": listing.decided_at.isoformat(),
    }


def show_judged(judged: Judged, *, json: bool) -> None:
    """Print a listing that was just checked."""
    if json:
        unreadable = [
            {"place": picture.place, "picture": picture.name, "code": picture.code, "detail": picture.detail}
            for picture in judged.unreadable
        ]
        facts = listing_dict(judged.listing, judged.decision)
        console.json_line({**facts, "again": judged.again, "unreadable": unreadable})
        return
    for picture in judged.unreadable:
        show_unreadable(picture)
    _print_listing(judged.listing, judged.decision)


def show_unreadable(picture: Unreadable) -> None:
    """Print the name and the error of an unreadable picture."""
    console.say(f"{picture.name}: {picture.detail} [{picture.code}]", style="red")


def show_listing(listing: Listing, *, json: bool) -> None:
    """Print a stored listing. Decide again from its stored evidence."""
    decision = decide_again(listing)
    if json:
        console.json_line(listing_dict(listing, decision))
    else:
        _print_listing(listing, decision)


def _print_listing(listing: Listing, decision: Decision) -> None:
    evidence = Evidence.from_json(listing.evidence)
    offer = f"{listing.seller} on {listing.channel} in {listing.territory}, {listing.listed_on}"
    line = Text.assemble(
        styled(decision.code.value), f"  {console.plain(listing.reference)}  {console.plain(offer)}"
    )
    console.out().print(line, soft_wrap=True)
    for detail_line in _detail_lines(listing):
        console.out().print(console.plain(detail_line), markup=False, soft_wrap=True)
    for reason in decision.reasons:
        console.out().print(f"  {_reason_text(reason)}", markup=False, soft_wrap=True)
    for design in evidence.designs:
        pictures = ", ".join(str(place + 1) for place in design.pictures)
        name = f"{design.reference} of {design.owner}"
        score = console.score_text(design.score)
        design_line = f"  {design.verdict}: {name}, score {score}, picture {pictures}"
        console.out().print(console.plain(design_line), markup=False, soft_wrap=True)
    console.out().print(f"  {listing.id}", style="dim", markup=False)


def _detail_lines(listing: Listing) -> Iterator[str]:
    """Yield the listing's price and details, and the remarks about its values. A long text is cut."""
    for field in ("price", *DETAILS):
        value = getattr(listing, field)
        if value is None:
            continue
        text = " ".join(str(value).split())
        rest = f"... ({len(text):,} characters, all of them with --json)" * (len(text) > SHOWN_CHARS)
        yield f"  {field}: {text[:SHOWN_CHARS]}{rest}"
    for remark in listing.remarks or ():
        yield f"  {remark['detail']} [{remark['code']}]"


def _reason_text(reason: Reason) -> str:
    return console.plain(reason_sentence(reason.code, reason.params))


def styled(verdict: str) -> Text:
    """Return a listing's verdict in its colour."""
    return Text(verdict, style=STYLES.get(verdict, ""))


def show_listings(listings: Iterable[Listing], *, json: bool) -> None:
    """Print one line per listing."""
    table = console.table("reference", "seller", "channel", "on", "verdict", "id", whole=("verdict", "id"))
    for listing in listings:
        if json:
            console.json_line(listing_dict(listing, decide_again(listing)))
        cells = (listing.reference, listing.seller, listing.channel, listing.listed_on.isoformat())
        table.add_row(*map(Text, cells), styled(listing.verdict), listing.id)
    if not json:
        console.out().print(table)


def show_row(row: RowDone, *, json: bool) -> None:
    """Print a row of a bulk import. Without `json`, print only rows that need action."""
    result = row.result
    if json:
        console.json_line({"line": row.line, "reference": row.reference, **result})
        return
    verdict, reference = str(result.get("verdict", "")), console.plain(row.reference)
    for problem in result.get("unreadable", ()):
        console.say(f"line {row.line}  {reference}: {problem}", style="red")
    for remark in result.get("remarks", ()):
        column, detail = remark["field"], console.plain(remark["detail"])
        console.say(f"line {row.line}  {reference}: {detail} [{remark['code']}, {column}]")
    if verdict in QUIET:
        return
    line = Text.assemble(f"line {row.line}  {reference}  ", styled(verdict or "rejected"))
    if not verdict:
        column = f", {result['column']}" * bool(result["column"])
        line.append(f": {console.plain(result['detail'])} [{result['code']}{column}]")
    console.out().print(line, soft_wrap=True)


def counts_text(rows: Sequence[RowDone]) -> str:
    """Return the number of rows for each verdict."""
    return ", ".join(f"{number} {verdict}" for verdict, number in count(rows).items()) or "nothing"


def show_counts(table_import: ListingImport, rows: Sequence[RowDone]) -> None:
    """Print the number of rows for each verdict, as the last line of a bulk import."""
    count_text = counts_text(rows)
    left_count = table_import.total - len(rows)
    rest = f" {left_count} rows are left. To check them: authcheck listings resume {table_import.id}"
    console.say(f"{table_import.id}: {count_text} of {table_import.total} rows.{rest * (left_count > 0)}")
