"""The pages of disputes: both owners compare and speak, the operator rules."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from authcheck.errors import AuthcheckError, NotFound
from authcheck.files.documents import read_document
from authcheck.ledger import publishing
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.registry import disputes, rulings, statements
from authcheck.registry.tables import Dispute
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..documents import document_response
from .dispute_pictures import draw_other, draw_seen, pair_of
from .dispute_view import forms_of, is_silent, picture_of, picture_words, row_of, sides_of, words_of
from .person import FormDep, NeedsPerson, PersonRoute, acting, go, problem_of, status_of
from .render import render
from .sent_files import Sent, SentDep

PAGE = 50
NOTICES = ("stated", "appealed", "accepted", "ruled", "ended")
FIELD_OF = {"dispute.statement": "text", "document": "document", "request": "document",
            "dispute.reason": "reason", "dispute.ruling": "ruling"}  # fmt: skip
router = APIRouter(route_class=PersonRoute, prefix="/disputes", include_in_schema=False)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.DISPUTES, Right.READ)))]
WriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.DISPUTES, Right.WRITE)))]
RulerDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.DISPUTES, Right.DECIDE)))]
DisputeId = Annotated[str, Path(max_length=40)]
Number = Annotated[str, Path(max_length=9)]
Key = Annotated[str, Query(max_length=40)]


def _is_operator(caller: Principal) -> bool:
    return caller.may(Resource.DISPUTES, Right.DECIDE)


def _owner_id(caller: Principal) -> str | None:
    """Return whose disputes the reader sees: the operator (None) those of everybody."""
    return None if _is_operator(caller) else caller.organisation_id


def _side_of(caller: Principal, dispute: Dispute) -> str | None:
    """Return the side of the reader's organisation, None for an operator."""
    return None if _is_operator(caller) else statements.side_of(dispute, caller.organisation_id)


@router.get("")
def show(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, kind: Key = "", after: Key = ""
) -> HTMLResponse:
    """List disputes, oldest first: those that need somebody, unless another kind is asked for."""
    caller = acting(signed_in)
    first = disputes.WAITING if _is_operator(caller) else disputes.OPEN
    kinds = [one for one in disputes.KINDS if one != disputes.WAITING or first == disputes.WAITING]
    kind = kind if kind in kinds else first
    with workspace.database.reading() as session:
        rows = disputes.list_disputes(
            session,
            owner_id=_owner_id(caller),
            kind=kind,
            after=after,
            limit=PAGE + 1,
            reach=caller.reach,
        )
        shown = [row_of(row, _side_of(caller, row)) for row in rows[:PAGE]]
    return render(
        request,
        "disputes/disputes.html",
        disputes=shown,
        kind=kind,
        kinds=sorted(kinds, key=lambda one: one != first),
        first=f"/disputes?kind={kind}" if after else None,
        next_page=f"/disputes?kind={kind}&after={rows[PAGE - 1].id}" if len(rows) > PAGE else None,
        as_of=utc_now(),
    )


@router.get("/{dispute_id}")
def show_one(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, dispute_id: DisputeId, notice: str = ""
) -> HTMLResponse:
    """Show both sides of a dispute, what was said, and what the reader can do."""
    return _show(request, signed_in, workspace, dispute_id, notice=notice if notice in NOTICES else None)


def _show(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    dispute_id: str,
    *,
    notice: str | None = None,
    error: AuthcheckError | None = None,
    at: str = "",
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    caller = acting(signed_in)
    is_operator = _is_operator(caller)
    with workspace.database.reading() as session:
        row = disputes.get_dispute(session, dispute_id, owner_id=_owner_id(caller), reach=caller.reach)
        own = _side_of(caller, row)
        sides = sides_of(session, row, own)
    pair = pair_of(row, own or disputes.LATER, is_operator=is_operator)
    may_write = caller.may(Resource.DISPUTES, Right.WRITE)
    return render(
        request,
        "disputes/dispute.html",
        status=status_of(request, error) if error else 200,
        dispute=row_of(row, own) | {"reason": None if row.rulings else row.reason, "ended_at": row.ended_at},
        sides=sides,
        told=words_of(row),
        picture=picture_of(request, workspace, row, pair),
        picture_words=picture_words(request, own),
        forms=forms_of(row, own, may_write=may_write, may_rule=is_operator),
        silent=[side["owner"] for side in sides if is_operator and is_silent(row, side["side"])],
        is_operator=is_operator,
        days=statements.APPEAL_TIME.days,
        most_chars=statements.MOST_CHARS,
        rulings=disputes.RULINGS,
        notice=notice,
        at=at,
        typed={"text": "", "reason": "", "ruling": "", "final": "", **(typed or {})},
        problem=_problem_of(request, error, at),
    )


def _problem_of(request: Request, error: AuthcheckError | None, at: str) -> Any:
    if error is None:
        return None
    family = error.code.partition(".")[0]
    return problem_of(request, error, FIELD_OF.get(error.code, FIELD_OF.get(family, "")), f"{at}-")


@router.get("/{dispute_id}/pictures/{which}")
async def show_picture(
    request: Request,
    signed_in: ReaderDep,
    workspace: WorkspaceDep,
    dispute_id: DisputeId,
    which: Annotated[str, Path(max_length=20)],
) -> Response:
    """Return a picture of a dispute: the reader's own one, or the other one laid into its frame."""
    content = await run_in_threadpool(_draw, request, acting(signed_in), workspace, dispute_id, which)
    return Response(content, media_type="image/webp", headers={"Cache-Control": "private, max-age=3600"})


def _draw(request: Request, caller: Principal, workspace: Workspace, dispute_id: str, which: str) -> bytes:
    is_operator = _is_operator(caller)
    with workspace.database.reading() as session:
        row = disputes.get_dispute(session, dispute_id, owner_id=_owner_id(caller), reach=caller.reach)
    side = disputes.LATER if is_operator else statements.side_of(row, caller.organisation_id)
    pair = pair_of(row, side, is_operator=is_operator)
    if pair is None or which not in {"seen", "other"}:
        raise NotFound("We cannot lay one picture over the other.", code="dispute.picture")
    draw = draw_seen if which == "seen" else draw_other
    return draw(pair, workspace, request.app.state.drawings)


@router.get("/{dispute_id}/statements/{number}/document")
def document(
    signed_in: ReaderDep, workspace: WorkspaceDep, dispute_id: DisputeId, number: Number
) -> Response:
    """Hand the document of a statement out as a file to save."""
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        row = disputes.get_dispute(session, dispute_id, owner_id=_owner_id(caller), reach=caller.reach)
        said = statements.get_statement(row, int(number) if number.isdecimal() else 0)
        return document_response(workspace, said, f"{row.id}-{said.number}")


@router.post("/{dispute_id}/state")
def state(
    request: Request, signed_in: WriterDep, sent: SentDep, workspace: WorkspaceDep, dispute_id: DisputeId
) -> Response:
    """Add a statement."""
    return _say(request, signed_in, sent, workspace, dispute_id, act=statements.state, at="state")


@router.post("/{dispute_id}/appeal")
def appeal(
    request: Request, signed_in: WriterDep, sent: SentDep, workspace: WorkspaceDep, dispute_id: DisputeId
) -> Response:
    """Appeal against the ruling."""
    return _say(request, signed_in, sent, workspace, dispute_id, act=statements.appeal, at="appeal")


def _say(
    request: Request,
    signed_in: SignedIn,
    sent: Sent,
    workspace: Workspace,
    dispute_id: str,
    *,
    act: Callable[..., Dispute],
    at: str,
) -> Response:
    caller, text = acting(signed_in), sent.text("text")
    who = {"by": caller.caller, "reach": caller.reach}
    try:
        form = sent.whole()
        part = next((part for part in form.files("document") if part.size_bytes), None)
        paper = read_document(form.bytes_of(part)) if part else None
        with workspace.database.writing() as session:
            act(session, dispute_id, caller.organisation_id, text, paper, now=utc_now(), **who)
            if paper is not None:
                workspace.documents.put(paper.data)
    except NotFound:
        raise
    except AuthcheckError as error:
        typed = {"text": text[: 2 * statements.MOST_CHARS]}
        return _show(request, signed_in, workspace, dispute_id, error=error, at=at, typed=typed)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go(request, f"/disputes/{dispute_id}?notice={'stated' if at == 'state' else 'appealed'}")


@router.post("/{dispute_id}/accept")
def accept(
    request: Request,
    signed_in: WriterDep,
    form: FormDep,  # noqa: ARG001 - refuses other sites
    workspace: WorkspaceDep,
    dispute_id: DisputeId,
) -> Response:
    """Accept a ruling against the own side."""
    caller = acting(signed_in)
    try:
        with workspace.database.writing() as session:
            rulings.accept(session, dispute_id, caller.organisation_id, utc_now(), reach=caller.reach)
    except NotFound:
        raise
    except AuthcheckError as error:
        return _show(request, signed_in, workspace, dispute_id, error=error, at="accept")
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go(request, f"/disputes/{dispute_id}?notice=accepted")


@router.post("/{dispute_id}/rule")
def rule(
    request: Request, signed_in: RulerDep, form: FormDep, workspace: WorkspaceDep, dispute_id: DisputeId
) -> Response:
    """Rule on a dispute."""
    typed = {name: form.text(name)[:2000] for name in ("ruling", "reason", "final")}
    try:
        with workspace.database.writing() as session:
            row = rulings.rule(
                session,
                dispute_id,
                typed["ruling"],
                reason=typed["reason"],
                now=utc_now(),
                by=acting(signed_in).caller,
                is_final=typed["final"] == "yes",
            )
            notice = "ended" if row.ended_by else "ruled"
    except NotFound:
        raise
    except AuthcheckError as error:
        return _show(request, signed_in, workspace, dispute_id, error=error, at="rule", typed=typed)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go(request, f"/disputes/{dispute_id}?notice={notice}")
