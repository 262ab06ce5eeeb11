"""Endpoint of hits: the listings that show the designs of a brand."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from authcheck.cases import hit_search
from authcheck.cases.hit_search import SUSPECT_VERDICTS, Filter
from authcheck.cases.notice_tables import Hit
from authcheck.cases.stages import Stage, decisions_about, stage_of_hit
from authcheck.members.principals import Principal

from ..deps import KeyFirst, ListingsReader, WorkspaceDep
from ..paging import PagingDep
from ..wire.forms import Day, Page, Text
from ..wire.hits import HitOut, HitStage
from ..wire.listings import Verdict
from .notices import decision_fields

router = APIRouter(route_class=KeyFirst, prefix="/v1/hits", tags=["notices"])
Design = Annotated[Text, Query(max_length=200, description="Id or reference of one of your designs.")]
Marketplace = Annotated[
    Text, Query(max_length=64, description="Handle of the organisation that handed it in.")
]
Seller = Annotated[Text, Query(max_length=100, description="The shop's id on the marketplace.")]
Verdicts = Annotated[
    Verdict | Literal["all"] | None,
    Query(description="A verdict, or `all`. By default all suspect ones, so licensed listings are left out."),
]


@router.get("")
def list_hits(  # noqa: PLR0917 - one parameter per filter
    caller: ListingsReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    verdict: Verdicts = None,
    design: Design = "",
    marketplace: Marketplace = "",
    seller: Seller = "",
    stage: HitStage | None = None,
    since: Annotated[Day | None, Query(description="The first day of the listings.")] = None,
    group: Annotated[Text, Query(max_length=40, description="`group` of a hit.")] = "",
) -> Page[HitOut]:
    """List the listings that show your designs, oldest first.

    They are those that a marketplace of this installation or you yourself have handed in. You read what every
    buyer sees, and the verdict about your design. Report them with `POST /v1/notices`.
    """
    wanted = Filter(
        verdicts=verdicts_of(verdict),
        design=design,
        marketplace=marketplace,
        seller=seller,
        stage=Stage(stage) if stage else None,
        since=since,
        groups=(group,) if group else (),
    )
    with workspace.database.reading() as session:
        rows = hit_search.list_hits(
            session,
            wanted,
            owner_id=caller.organisation_id,
            after=paging.after,
            limit=paging.fetch,
            reach=caller.reach,
        )
        fields = _fields_of(session, rows, caller)
    return paging.page(rows, lambda hit: HitOut.model_validate(fields[hit.id]))


def _fields_of(session: Session, rows: Sequence[Hit], caller: Principal) -> dict[str, dict[str, Any]]:
    """Return the fields of each hit, by its id."""
    owner_id, reach = caller.organisation_id, caller.reach
    medians = hit_search.licensed_medians(session, owner_id, {row.design_id for row in rows})
    reasons = hit_search.reasons_of(session, rows, owner_id=owner_id, reach=reach)
    decisions = decisions_about(session, [(row.case_id, row.listing_id) for row in rows])
    return {
        hit.id: {
            **_hit_fields(hit, medians),
            "reasons": reasons[hit.id],
            "decision": decision_fields(decisions.get((str(hit.case_id), hit.listing_id))),
        }
        for hit in rows
    }


def verdicts_of(verdict: str | None) -> tuple[str, ...]:
    """Return the verdicts of a filter: by default the suspect ones, all for `all`."""
    if verdict == "all":
        return ()
    return (verdict,) if verdict else SUSPECT_VERDICTS


def _hit_fields(hit: Hit, medians: dict[tuple[str, str], Decimal]) -> dict[str, Any]:
    listing, design = hit.listing, hit.design
    share = hit_search.price_share(hit, medians)
    return {
        "id": hit.id,
        "listing": listing.id,
        "reference": listing.reference,
        "marketplace": hit.organisation.handle,
        "channel": hit.channel,
        "url": listing.url,
        "title": listing.title,
        "price": listing.price,
        "price_share": None if share is None else float(share),
        "seller": hit.seller,
        "seller_name": listing.seller_name,
        "territory": hit.territory,
        "listed_on": hit.listed_on,
        "design": {
            "id": design.id,
            "reference": design.reference,
            "title": design.title,
            "owner": design.owner.handle,
            "state": design.state,
        },
        "verdict": hit.verdict,
        "group": hit.grouped_by,
        "stage": str(stage_of_hit(hit)),
        "notice": hit.notice_id,
    }
