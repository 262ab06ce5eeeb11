"""The page *Who may sell this*: yes by which licence, or for each licence the clause that says no."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError, NotFound
from authcheck.licences.codes import NICE_CLASSES
from authcheck.licences.grants import get_licence
from authcheck.licences.naming import Named
from authcheck.licences.written import read_day
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.storefronts import asking, official
from authcheck.storefronts.asking import Answer, Question
from authcheck.storefronts.official import OfficialShops
from authcheck.storefronts.sellers import Standing

from ..deps import WorkspaceDep
from ..i18n import Language, language_of
from . import licence_words as words
from .licences import LicencesReaderDep
from .person import PersonRoute, acting, problem_of, status_of
from .render import render
from .sellers_view import countries_in

PREFIX = "who-"
FIELDS = {"design.not_found": "design", "seller.territory": "territory", "licence.goods": "goods",
          "day": "on", "seller.day": "on", "appointment.outside": "territory",
          "licence.not_found": "design"}  # fmt: skip
router = APIRouter(route_class=PersonRoute, include_in_schema=False)
Word = Annotated[str, Query(max_length=200)]


class Asked:
    """The question as its form sends it."""

    def __init__(
        self,
        *,
        design: Word = "",
        territory: Word = "",
        goods: Word = "",
        shop: Word = "",
        on: Word = "",
        licence: Word = "",
    ) -> None:
        self.design, self.territory, self.shop = design.strip(), territory.strip(), shop.strip()
        self.goods = goods if goods in {str(number) for number in NICE_CLASSES} else ""
        self.on, self.licence = on.strip() or utc_now().date().isoformat(), licence.strip()

    def api(self, design: Design | None) -> str:
        """Return the address of the same question by the API. It asks about a shop, or lists licences."""
        named = design.id if design else self.design
        if "/" not in self.shop:
            pairs = {"design": named, "territory": self.territory, "state": "active"}
            pairs |= {"other": self.shop} if self.shop else {}
            return f"/v1/licences?{urlencode(pairs)}"
        marketplace, _, shop = self.shop.partition("/")
        pairs = {"design": named, "marketplace": marketplace, "shop": shop, "territory": self.territory}
        goods = {"goods": self.goods} if self.goods else {}
        return f"/v1/sellers?{urlencode({**pairs, 'on': self.on, **goods})}"


AskedDep = Annotated[Asked, Depends(Asked)]


@router.get("/licences/who")
def show(
    request: Request, signed_in: LicencesReaderDep, workspace: WorkspaceDep, asked: AskedDep
) -> HTMLResponse:
    """Answer the question, or show the form again with what is wrong or missing."""
    caller, language, now = acting(signed_in), language_of(request), utc_now()
    error, answer, design = None, None, None
    designs: list[Design] = []
    with workspace.database.reading() as session:
        try:
            if asked.design:
                designs = [
                    *asking.find_designs(session, caller.organisation_id, asked.design, reach=caller.reach)
                ]
                if not designs:
                    raise NotFound("We have no such design.", code="design.not_found")
            if len(designs) == 1 and asked.territory:
                design = designs[0]
                answer = _answer(session, language, caller, asked, design)
        except AuthcheckError as refusal:
            error = refusal
    return render(
        request,
        "licences/who.html",
        status=status_of(request, error) if error else 200,
        asked=vars(asked),
        answer=answer,
        design=_named(design),
        designs=[_named(one) for one in designs] if len(designs) > 1 else [],
        countries=countries_in(language.tag),
        classes=[str(number) for number in NICE_CLASSES],
        api=asked.api(design),
        problem=problem_of(request, error, FIELDS.get(error.code, ""), PREFIX) if error else None,
        as_of=now,
    )


def _answer(
    session: Session, language: Language, caller: Principal, asked: Asked, design: Design
) -> dict[str, Any]:
    today, series = utc_now().date(), ""
    if asked.licence:
        row = get_licence(session, asked.licence, organisation_id=caller.organisation_id, reach=caller.reach)
        series = row.series
    on = read_day(asked.on, error_code="day")
    question = Question(
        design=design,
        territory=asked.territory,
        on=on,
        goods=(int(asked.goods),) if asked.goods else (),
        shop=asked.shop,
        series=series,
    )
    answer = asking.ask(session, caller.organisation_id, question, reach=caller.reach, today=today)
    is_owner = design.owner_id == caller.organisation_id
    shops = OfficialShops(())
    if is_owner and not asked.shop and not series:
        shops = official.who_may_sell(session, design, territory=asked.territory, on=on)
    return {
        **_verdict(answer),
        "is_own_design": is_owner,
        "design_state": design.state,
        "on": on,
        "licences": [
            _standing(session, language, caller, standing, question) for standing in answer.standings
        ],
        "shops": [
            {"name": f"{shop.marketplace}/{shop.shop_id}", "owner": shop.organisation.name}
            for shop in shops.shops
        ],
    }


def _verdict(answer: Answer) -> dict[str, Any]:
    """Return the verdict as the end of the key of its sentence."""
    if answer.is_owner:
        kind = "owner"
    elif answer.is_unknown:
        kind = "unknown"
    elif answer.is_allowed:
        kind = "yes"
    else:
        kind = "no" if answer.standings else "none"
    return {"kind": kind, "is_allowed": answer.is_allowed, "is_hidden": answer.is_hidden_yes}


def _standing(
    session: Session, language: Language, caller: Principal, standing: Standing, question: Question
) -> dict[str, Any]:
    grant, is_got = standing.grant, standing.grant.licensee_id == caller.organisation_id
    other = session.get_one(Organisation, grant.owner_id if is_got else grant.licensee_id)
    return {
        "id": grant.id,
        "version": grant.version,
        "other": other.name,
        "is_got": is_got,
        "state": words.mark(language, grant, utc_now().date(), is_got=is_got),
        "clauses": [words.breach_words(language, one, grant, question.on) for one in standing.breaches],
    }


def _named(design: Design | None) -> dict[str, str] | None:
    if design is None:
        return None
    named = Named(design.title or design.reference, design.reference)
    return {"id": design.id, "name": named.name, "reference": named.handle}
