"""The demo's marketplace: it hands listings in, cases open, and brands report two sellers.

Its known answers are the verdict of each listing and the cases.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from rich.text import Text
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.cases import notices
from authcheck.cases.filing import Named
from authcheck.cases.notice_tables import Notice
from authcheck.cases.notices import Message
from authcheck.cases.opening import open_for
from authcheck.cases.tables import Case, CaseItem
from authcheck.checks.answers import Answer
from authcheck.errors import Rejected
from authcheck.ledger.publishing import publish
from authcheck.licences import agreements
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.listings import judging
from authcheck.listings.gathering import PictureRead, look_up_code
from authcheck.listings.offers import NewListing, read_goods
from authcheck.listings.policies import WORST_FIRST
from authcheck.listings.tables import Listing
from authcheck.members import organisations
from authcheck.members.permissions import grants_of_scopes
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation
from authcheck.registry.designs import find_design
from authcheck.storage.opening import utc_now
from authcheck.storefronts import proving, shops
from authcheck.terminal.demo import certificates
from authcheck.terminal.demo.tables import read_rows
from authcheck.terminal.output import console
from authcheck.workspace import Workspace

HANDLE, NAME = "demo-market", "Demo market"
SCOPES = frozenset({"notices:write"})
NOTES = {
    "counterfeit": "We bought one. The cloth is not ours.",
    "unlicensed_use": "The seller admitted it by mail.",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A sample listing with its known answer.

    `shop_of` is the member whose official shop the seller is, or "". `certificate` is the GTIN of a sample
    product, whose first unit it is, or a code, or "". `case` is the same for listings that share a case, ""
    for a listing without one. `reported` is a brand's notice, `owner/design/claim`, or "".
    """

    reference: str
    picture: str
    seller: str
    seller_name: str
    shop_of: str
    territory: str
    goods: str
    price: str
    title: str
    sold_30d: str
    certificate: str
    verdict: str
    case: str
    reported: str


@dataclass(frozen=True, slots=True)
class SampleLicence:
    """A sample licence. `starts` and `ends` are days from today. `state` is what becomes of it."""

    licensee: str
    name: str
    owner: str
    designs: str
    territories: str
    goods: str
    starts: str
    ends: str
    state: str


def run(work: Workspace, fixtures: Path, answers: Mapping[str, Answer]) -> int:
    """Grant the licences, hand the listings in, file the notices, and return the number of wrong answers.

    `answers` are the answers about the pictures, by the pictures' names. A listing that an earlier run handed
    in stays as it is. Raises Rejected (`demo.fixtures`).
    """
    offers = [Offer(**row) for row in read_rows(fixtures / "offers.csv", Offer.__slots__)]
    licences = [SampleLicence(**row) for row in read_rows(fixtures / "licences.csv", SampleLicence.__slots__)]
    _grant(work, licences)
    _list_shops(work, offers)
    codes = certificates.codes_by_gtin(work, fixtures)
    with console.progress(on_terminal_only=False) as progress:
        for offer in progress.track(offers, total=len(offers), description="Handing listings in"):
            _hand_in(work, offer, answers, codes)
    _report(work, offers)
    publish(work.database, work.settings)
    return _compare(work, offers)


def is_handed_in(work: Workspace, fixtures: Path) -> bool:
    """Return whether an earlier run has handed all listings in. Raises Rejected (`demo.fixtures`)."""
    references = {row["reference"] for row in read_rows(fixtures / "offers.csv", ("reference",))}
    with work.database.reading() as session:
        market = organisations.find_organisation(session, HANDLE)
        of_market = Listing.organisation_id == (market.id if market else "")
        return references <= set(session.scalars(select(Listing.reference).where(of_market)))


def _grant(work: Workspace, licences: Sequence[SampleLicence]) -> None:
    """Offer each licence once, and bring it into its state."""
    now = utc_now()
    with work.database.writing() as session:
        for row in licences:
            licensee = organisations.find_organisation(session, row.licensee)
            if licensee is None:
                licensee = organisations.create_organisation(
                    session, handle=row.licensee, name=row.name, roles=["licensee"], now=now
                )
            owner = organisations.get_organisation(session, row.owner)
            terms = _terms_of(session, row, now.date())
            parties = select(Licence).where(Licence.owner_id == owner.id, Licence.licensee_id == licensee.id)
            if any(licence.terms["designs"] == list(terms.designs) for licence in session.scalars(parties)):
                continue
            licence = agreements.offer(session, owner, licensee, terms, now)
            _bring_into_state(session, licence, (owner, licensee), terms, row.state, now)


def _terms_of(session: Session, row: SampleLicence, today: date) -> Terms:
    return Terms(
        designs=tuple(find_design(session, row.owner, reference).id for reference in row.designs.split("|")),
        territories=tuple(row.territories.split("|")),
        goods=read_goods(row.goods.replace("|", ",")),
        starts_on=today + timedelta(days=int(row.starts)),
        ends_on=today + timedelta(days=int(row.ends)),
    ).checked()


def _bring_into_state(  # noqa: PLR0917 - a licence, its parties, its terms and its end
    session: Session,
    licence: Licence,
    parties: tuple[Organisation, Organisation],
    terms: Terms,
    state: str,
    now: datetime,
) -> None:
    """Accept, decline, amend or revoke a licence. Raises Rejected (`demo.fixtures`) for another state."""
    owner, licensee = parties
    if state == "offered":
        return
    if state == "declined":
        agreements.decline(session, licensee, licence.id, now)
        return
    if state not in {"active", "lapsed", "future", "revoked", "amended"}:
        raise Rejected(f"licences.csv has the unknown state {state!r}.", code="demo.fixtures")
    agreements.accept(session, licensee, licence.id, now)
    if state == "revoked":
        agreements.revoke(session, owner, licence.id, "agreed", now)
    if state == "amended":
        newer = agreements.amend(session, owner, licence.id, terms, now)
        agreements.accept(session, licensee, newer.id, now)


def _list_shops(work: Workspace, offers: Sequence[Offer]) -> None:
    """List each official shop."""
    now = utc_now()
    with work.database.writing() as session:
        marketplace = organisations.find_organisation(session, HANDLE) or organisations.create_organisation(
            session, handle=HANDLE, name=NAME, roles=["marketplace"], now=now
        )
        for seller, member in sorted({(offer.seller, offer.shop_of) for offer in offers if offer.shop_of}):
            organisation = organisations.get_organisation(session, member)
            url = f"https://{HANDLE}.example/{seller}"
            if shops.find_shop(session, HANDLE, seller) is None:
                shop = shops.add(session, organisation, marketplace=HANDLE, shop_id=seller, url=url, now=now)
                proving.confirm(session, shop, marketplace, now)


def _hand_in(work: Workspace, offer: Offer, answers: Mapping[str, Answer], codes: Mapping[str, str]) -> None:
    """Hand a listing in as the marketplace, unless it is there. The picture was answered before."""
    with work.database.reading() as session:
        market = organisations.get_organisation(session, HANDLE)
        if _find(session, market.id, offer.reference) is not None:
            return
    if offer.picture not in answers:
        raise Rejected(f"listings.csv has no picture {offer.picture}.", code="demo.fixtures")
    now = utc_now()
    new = NewListing(
        reference=offer.reference,
        seller=offer.seller,
        channel=HANDLE,
        territory=offer.territory,
        goods=read_goods(offer.goods),
        price=offer.price,
        listed_on=now.date(),
        certificate_code=codes.get(offer.certificate, offer.certificate) or None,
        url=f"https://{HANDLE}.example/{offer.reference}",
        title=offer.title,
        seller_name=offer.seller_name,
        sold_30d=offer.sold_30d,
    ).checked()
    read = PictureRead(0, Path(offer.picture).name, answers[offer.picture])
    certificate = look_up_code(work, new.certificate_code, now)
    judging.check_read(
        work, new, [read], certificate, organisation_id=market.id, source="demo", now=now, then=open_for
    )


def _find(session: Session, market_id: str, reference: str) -> Listing | None:
    query = select(Listing).where(Listing.organisation_id == market_id, Listing.reference == reference)
    return session.scalar(query)


def _report(work: Workspace, offers: Sequence[Offer]) -> None:
    """File one notice for each brand, design and claim, unless the brand has filed one about the design."""
    now = utc_now()
    for reported in sorted({offer.reported for offer in offers if offer.reported}):
        handle, reference, claim = reported.split("/")
        rows = [
            Named(reference=offer.reference, marketplace=HANDLE)
            for offer in offers
            if offer.reported == reported
        ]
        with work.database.writing() as session:
            brand = organisations.get_organisation(session, handle)
            design = find_design(session, handle, reference)
            same = Notice.organisation_id == brand.id, Notice.design_id == design.id
            if session.scalar(select(Notice.id).where(*same).limit(1)) is not None:
                continue
            reporter = Principal(brand.id, handle, "demo", SCOPES, grants_of_scopes(SCOPES))
            message = Message(
                design=design.id,
                claim=claim,
                good_faith=True,
                accuracy=True,
                rows=rows,
                note=NOTES.get(claim, ""),
            )
            notices.file(work, session, message, reporter=reporter, now=now)


def _compare(work: Workspace, offers: Sequence[Offer]) -> int:
    """Print the verdicts and the cases, and return how many listings and cases are not the expected ones."""
    wrong: list[Text] = []
    counts, case_of, verdict_of_case = Counter[str](), dict[str, set[str]](), dict[str, str]()
    with work.database.reading() as session:
        market = organisations.get_organisation(session, HANDLE)
        for offer in offers:
            listing = _find(session, market.id, offer.reference)
            verdict = listing.verdict if listing else "missing"
            counts[verdict] += 1
            if verdict != offer.verdict:
                line = f"{offer.reference} {offer.picture}: {verdict}, expected {offer.verdict}."
                wrong.append(Text(line, style="bold red"))
            in_cases = select(Case.id, Case.verdict).join(CaseItem, CaseItem.case_id == Case.id)
            in_cases = in_cases.where(CaseItem.listing_id == (listing.id if listing else ""))
            for case_id, case_verdict in session.execute(in_cases):
                case_of.setdefault(offer.case, set()).add(case_id)
                verdict_of_case[case_id] = case_verdict
    _print(counts, Counter(verdict_of_case.values()), wrong)
    labels = {offer.case for offer in offers if offer.case}
    wrong_cases = len(labels - case_of.keys()) + len(case_of.keys() - labels)
    listings, cases = len(offers) - len(wrong), len(labels) - wrong_cases
    console.say(
        f"{listings} of {len(offers)} listings have the expected verdict, and {cases} of {len(labels)} cases"
        " are there.",
        style="bold red" if wrong or wrong_cases else "bold green",
    )
    return len(wrong) + wrong_cases


def _print(listings: Mapping[str, int], cases: Mapping[str, int], wrong: Sequence[Text]) -> None:
    parts: list[Text] = []
    for verdict in WORST_FIRST:
        count = listings.get(verdict, 0)
        if count:
            opened = f" in {console.counted(cases[verdict], 'case')}" if cases.get(verdict) else ""
            parts.append(Text.assemble(f"{count} ", console.styled(verdict.value), opened))
    console.out().print(Text("Listings of a marketplace: ").append(Text(", ").join(parts)).append("."))
    for line in wrong:
        console.out().print(line)
