"""Registered designs: find, list, change, retire."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import flag_modified

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ledger.journal import record_at_commit
from authcheck.members.tables import Organisation
from authcheck.registry import facts
from authcheck.registry.clock import lock_registry, next_tick
from authcheck.registry.tables import Design, Dispute, View, ViewFeatures
from authcheck.storage.parameters import can_be_stored

KINDS = ("illustration", "logo", "pattern", "character", "photo", "other")
STATES = ("registered", "disputed", "retired")
TITLE_CHARS = 300
COLLECTION_CHARS = 200


def check_words(title: str, kind: str) -> None:
    """Raise Rejected (`design.title`, `design.kind`) for a title or kind that cannot be stored."""
    if len(title) > TITLE_CHARS or not title.isprintable():
        raise Rejected(
            f"A title has at most {TITLE_CHARS} printable characters.", code="design.title", limit=TITLE_CHARS
        )
    if kind not in KINDS:
        raise Rejected(f"{kind!r} is no kind: use {', '.join(KINDS)}.", code="design.kind", kind=kind)


def check_collection(name: str) -> str | None:
    """A collection's name in its one spelling; None for an empty one. Raises Rejected (`design.collection`)."""
    name = name.strip()
    if len(name) > COLLECTION_CHARS or not name.isprintable():
        raise Rejected(
            f"A collection's name has at most {COLLECTION_CHARS} printable characters.",
            code="design.collection",
            limit=COLLECTION_CHARS,
        )
    return name or None


def check_unchanged(session: Session, design: Design) -> None:
    """Raise Conflict (`design.changed`) where another transaction changed a design since it was loaded.

    Asked under the registry's lock, so that it stays true until the commit.
    """
    if session.scalar(select(Design.version).where(Design.id == design.id)) != design.version:
        raise Conflict(
            "The design was changed by somebody else meanwhile: look again.", code="design.changed"
        )


def _whole() -> Select[Design]:
    """Designs with all that is shown of them."""
    return select(Design).options(
        joinedload(Design.owner),
        selectinload(Design.views)
        .joinedload(View.local)
        .load_only(ViewFeatures.mask_source, ViewFeatures.findability, raiseload=True),
        selectinload(Design.disputes).joinedload(Dispute.other).joinedload(Design.owner),
    )


def get_design(session: Session, design_id: str, *, owner_id: str | None = None) -> Design:
    """One design with owner, views and disputes; `owner_id` limits it to that owner's.

    Raises NotFound (`design.not_found`), also for a design of somebody else.
    """
    design = session.scalar(_whole().where(Design.id == design_id)) if can_be_stored(design_id) else None
    if design is None or owner_id not in {None, design.owner_id}:
        raise NotFound(f"No design {design_id!r} is known.", code="design.not_found", design=design_id)
    return design


def find_design(session: Session, owner: str, reference: str) -> Design:
    """The design that `owner` (a handle) calls `reference`. Raises NotFound (`design.not_found`)."""
    named = _whole().join(Design.owner).where(Organisation.handle == owner, Design.reference == reference)
    found = session.scalar(named) if can_be_stored(owner, reference) else None
    if found is None:
        raise NotFound(
            f"{owner} has no design {reference!r}.", code="design.not_found", owner=owner, reference=reference
        )
    return found


def list_designs(
    session: Session,
    *,
    owner_id: str | None = None,
    state: str | None = None,
    after: str = "",
    limit: int = 50,
) -> Sequence[Design]:
    """At most `limit` designs, by id (so by time of registration), that come after the id `after`."""
    query = _whole().where(Design.id > after).order_by(Design.id).limit(limit)
    if owner_id is not None:
        query = query.where(Design.owner_id == owner_id)
    if state is not None:
        query = query.where(Design.state == state)
    return session.scalars(query).all()


def all_designs(
    session: Session, *, owner_id: str | None = None, state: str | None = None
) -> Iterator[Design]:
    """Every design, by id, a page at a time."""
    after = ""
    while page := list_designs(session, owner_id=owner_id, state=state, after=after, limit=500):
        yield from page
        after = page[-1].id


def count_rows(session: Session) -> dict[str, int]:
    """How much the registry holds: organisations, designs by state, views searched."""
    by_state = select(Design.state, func.count()).group_by(Design.state)
    states: dict[str, int] = dict(session.execute(by_state).all())
    counted = {
        "organisations": select(func.count()).select_from(Organisation),
        "views": select(func.count()).select_from(View).where(View.removed_tick.is_(None)),
    }
    totals = {name: session.scalar(query) or 0 for name, query in counted.items()}
    return {**totals, **{f"designs_{state}": states.get(state, 0) for state in STATES}}


def live_views(design: Design) -> list[View]:
    """The pictures of a design that take part in checks, first added first."""
    return _in_order(design, [view for view in design.views if view.removed_tick is None])


def shown_views(design: Design) -> list[View]:
    """The pictures that an owner is shown of a design, first added first; of a retired one, those it ever had."""
    if design.state != "retired":
        return live_views(design)
    return _in_order(design, list({view.picture_sha256: view for view in design.views}.values()))


def _in_order(design: Design, views: list[View]) -> list[View]:
    """Views by when their picture came first: one with a new mask keeps its place."""
    first: dict[str, int] = {}
    for view in design.views:
        first.setdefault(view.picture_sha256, view.number)
    return sorted(views, key=lambda view: first[view.picture_sha256])


def retire(session: Session, design: Design, now: datetime) -> None:
    """End a design: it is no longer found from here on; its rows and earlier checks stay.

    Raises Conflict (`design.changed`).
    """
    if design.state == "retired":
        return
    lock_registry(session)
    check_unchanged(session, design)
    tick = next_tick(session)
    for view in session.scalars(select(View).where(View.design_id == design.id, View.removed_tick.is_(None))):
        view.removed_tick = tick
    design.state, design.retired_at = "retired", now
    session.flush()  # which counts the design's version
    record_at_commit(session, [facts.retired(design, now)])


def remove_view(session: Session, design: Design, picture_sha256: str, now: datetime) -> None:
    """Take one picture of a design out of the search.

    Raises NotFound (`view.not_found`), or Conflict (`view.last` for the last one, `design.changed`).
    """
    lock_registry(session)
    check_unchanged(session, design)
    live = live_views(design)
    matching = [view for view in live if view.picture_sha256 == picture_sha256]
    if not matching:
        raise NotFound("The design has no such picture.", code="view.not_found")
    if len(live) == 1:
        raise Conflict("A design keeps at least one picture; retire it instead.", code="view.last")
    matching[0].removed_tick = next_tick(session)
    flag_modified(design, "state")  # a design with other pictures is another version of it
    session.flush()
    record_at_commit(session, [facts.view_removed(design, picture_sha256, now)])


def update_design(
    session: Session,
    design: Design,
    *,
    title: str | None = None,
    kind: str | None = None,
    public_preview: bool | None = None,
    collection: str | None = None,
    now: datetime,
) -> None:
    """Change what the owner says of a design; an empty `collection` takes it out of the one it is in.

    Raises Rejected as `check_words` and `check_collection` do.
    """
    title = design.title if title is None else title.strip() or design.reference
    kind = design.kind if kind is None else kind
    check_words(title, kind)
    design.title, design.kind = title, kind
    if collection is not None:
        design.collection = check_collection(collection)
    if public_preview is not None:
        design.public_preview = public_preview
    if session.is_modified(design):
        session.flush()
        record_at_commit(session, [facts.updated(design, now)])
