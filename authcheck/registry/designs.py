"""Functions that find, list, change and retire registered designs."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import flag_modified

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import as_word, fold, new_salt, normal_id, tidy
from authcheck.ledger.journal import record_at_commit
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation
from authcheck.registry import facts
from authcheck.registry.clock import lock_registry, next_tick
from authcheck.registry.design_names import spellings
from authcheck.registry.disputes import withdraw
from authcheck.registry.joining import ask_change
from authcheck.registry.tables import DISPUTED, Design, Dispute, View, ViewFeatures
from authcheck.storage.parameters import can_be_stored

KINDS = ("illustration", "logo", "pattern", "character", "photo", "other")
STATES = ("registered", "disputed", "retired")
TITLE_CHARS = 300
COLLECTION_CHARS = 200


def check_words(title: str, kind: str) -> None:
    """Raise Rejected (`design.title`, `design.kind`) for a title or kind that cannot be stored."""
    if len(title) > TITLE_CHARS or not title.isprintable():
        raise Rejected(
            f"A title can have at most {TITLE_CHARS} characters. All must be printable.",
            code="design.title",
            limit=TITLE_CHARS,
        )
    if kind not in KINDS:
        raise Rejected(
            f"We do not know the kind {kind!r}. Use {', '.join(KINDS)}.", code="design.kind", kind=kind
        )


def check_collection(name: str) -> str | None:
    """Return a collection's name without outer spaces, or None for an empty name.

    Raises Rejected (`design.collection`) when the name is too long or not printable.
    """
    name = tidy(name)
    if len(name) > COLLECTION_CHARS or not name.isprintable():
        raise Rejected(
            f"A collection's name can have at most {COLLECTION_CHARS} characters. All must be printable.",
            code="design.collection",
            limit=COLLECTION_CHARS,
        )
    return name or None


def check_unchanged(session: Session, design: Design) -> None:
    """Raise Conflict (`design.changed`) when another transaction changed a design after it was loaded.

    Call it while holding the registry's lock, so that the result stays true until the commit.
    """
    if session.scalar(select(Design.version).where(Design.id == design.id)) != design.version:
        raise Conflict(
            "Somebody else changed the design at the same moment. Read the design again, then decide.",
            code="design.changed",
        )


def select_designs() -> Select[Design]:
    """Return the query for designs with their owner, views and disputes."""
    return select(Design).options(
        joinedload(Design.owner),
        selectinload(Design.views)
        .joinedload(View.local)
        .load_only(ViewFeatures.mask_source, ViewFeatures.findability, raiseload=True),
        *(
            selectinload(side).options(
                joinedload(Dispute.design).joinedload(Design.owner),
                joinedload(Dispute.other).joinedload(Design.owner),
            )
            for side in (Design.disputes, Design.rivals)
        ),
    )


def get_design(
    session: Session, design_id: str, *, owner_id: str | None = None, reach: Reach = WHOLE
) -> Design:
    """Return one design with owner, views and disputes, if it is of the owner `owner_id` and within reach.

    With an owner, `design_id` may be the owner's reference. Raises NotFound (`design.not_found`), also for a
    design of another owner. The database compares the owner: both cases read no row and take the same time.
    """
    name, design_id = design_id, normal_id(design_id)
    query = select_designs().where(reach.has_design(Design.id))
    if owner_id is None:
        return _get_one(session, query.where(Design.id == design_id), design_id)
    is_named = (Design.id == design_id) | Design.reference.in_(spellings(name))
    query = query.where(Design.owner_id == owner_id, is_named).order_by(Design.id != design_id, Design.id)
    return _get_one(session, query.limit(1), name)


def get_previewed_design(session: Session, design_id: str) -> Design:
    """Return a design that the public may see. Raises NotFound (`design.not_found`), also for others."""
    query = select_designs().where(Design.id == design_id)
    is_shown = Design.public_preview.is_(True) & (Design.state != "retired")
    return _get_one(session, query.where(is_shown), design_id)


def _get_one(session: Session, query: Select[Design], design_id: str) -> Design:
    design = session.scalar(query) if can_be_stored(design_id) else None
    if design is None:
        raise unknown_design_error(design_id)
    return design


def unknown_design_error(design_id: str) -> NotFound:
    """Return the error for an unknown design, and for a design that the caller must not know about."""
    return NotFound(f"We have no design {design_id!r}.", code="design.not_found", design=design_id)


def find_design(session: Session, owner: str, reference: str) -> Design:
    """Return the design of `owner` (a handle) with this reference. Raises NotFound (`design.not_found`).

    Unseen characters and the two ways to write an accent change nothing.
    """
    handle, seen = fold(owner).lower(), tidy(reference)
    query = (
        select_designs()
        .join(Design.owner)
        .where(Organisation.handle == handle, Design.reference.in_(spellings(reference)))
        .order_by(Design.reference != seen, Design.id)
        .limit(1)
    )
    design = session.scalar(query) if can_be_stored(handle, seen) else None
    if design is None:
        raise NotFound(
            f"{owner} has no design {reference!r}.", code="design.not_found", owner=owner, reference=reference
        )
    return design


def list_designs(
    session: Session,
    *,
    owner_id: str | None = None,
    state: str | None = None,
    after: str = "",
    limit: int = 50,
    reach: Reach = WHOLE,
) -> Sequence[Design]:
    """Return at most `limit` designs within reach whose ids come after the id `after`.

    The order is by id, which is also the order of registration.
    """
    query = select_designs().where(Design.id > after, reach.has_design(Design.id))
    query = query.order_by(Design.id).limit(limit)
    if owner_id is not None:
        query = query.where(Design.owner_id == owner_id)
    if state is not None:
        query = query.where(Design.state == state)
    return session.scalars(query).all()


def all_designs(
    session: Session, *, owner_id: str | None = None, state: str | None = None
) -> Iterator[Design]:
    """Yield every design in the order of ids. Loads one page at a time."""
    after = ""
    while page := list_designs(session, owner_id=owner_id, state=state, after=after, limit=500):
        yield from page
        after = page[-1].id


def count_rows(session: Session) -> dict[str, int]:
    """Return the numbers of organisations, of designs in each state, and of live views."""
    by_state = select(Design.state, func.count()).group_by(Design.state)
    states: dict[str, int] = dict(session.execute(by_state).all())
    queries = {
        "organisations": select(func.count()).select_from(Organisation),
        "views": select(func.count()).select_from(View).where(View.removed_tick.is_(None)),
    }
    totals = {name: session.scalar(query) or 0 for name, query in queries.items()}
    return {**totals, **{f"designs_{state}": states.get(state, 0) for state in STATES}}


def open_disputes(design: Design) -> list[Dispute]:
    """Return the disputes and resemblances in force, of the design's later and of its earlier views."""
    disputes = {dispute.id: dispute for dispute in (*design.disputes, *design.rivals)}
    return [dispute for _, dispute in sorted(disputes.items()) if dispute.ended_by is None]


def live_views(design: Design) -> list[View]:
    """Return the pictures of a design that take part in checks, oldest first."""
    return _sort_by_age(design, [view for view in design.views if view.removed_tick is None])


def public_view(design: Design) -> View:
    """Return the picture that the public preview of a design shows: the oldest that nobody disputes."""
    views = live_views(design)
    return next((view for view in views if view.standing != DISPUTED), views[0])


def shown_views(design: Design) -> list[View]:
    """Return the pictures that the owner sees, oldest first.

    A retired design shows all its former pictures.
    """
    if design.state != "retired":
        return live_views(design)
    return _sort_by_age(design, list({view.picture_sha256: view for view in design.views}.values()))


def _sort_by_age(design: Design, views: list[View]) -> list[View]:
    """Sort views by the first addition of their picture. A picture with a new mask keeps its place."""
    first_numbers: dict[str, int] = {}
    for view in design.views:
        first_numbers.setdefault(view.picture_sha256, view.number)
    return sorted(views, key=lambda view: first_numbers[view.picture_sha256])


def retire(session: Session, design: Design, now: datetime) -> None:
    """Retire a design, so that later checks do not find it. Its rows and earlier checks stay.

    The design's disputes end.

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
    session.flush()  # raises the design's version, which the fact names
    record_at_commit(session, [facts.retired(design, now)])
    withdraw(session, design, None, now, tick)


def remove_view(session: Session, design: Design, picture_sha256: str, now: datetime) -> None:
    """Remove one picture of a design from the search. The disputes of the picture end.

    Raises NotFound (`view.not_found`), or Conflict (`view.last` for the last picture that nobody disputes,
    `design.changed`).
    """
    lock_registry(session)
    check_unchanged(session, design)
    live = live_views(design)
    matching = [view for view in live if view.picture_sha256 == picture_sha256]
    if not matching:
        raise NotFound("The design does not have this picture.", code="view.not_found")
    others = [view for view in live if view is not matching[0]]
    if not others or (design.state == "registered" and all(view.standing == DISPUTED for view in others)):
        raise Conflict(
            "A design must keep at least one picture that nobody disputes. Retire the design instead.",
            code="view.last",
        )
    tick = next_tick(session)
    matching[0].removed_tick = tick
    flag_modified(design, "state")  # a change of pictures raises the design's version
    session.flush()
    record_at_commit(session, [facts.view_removed(design, picture_sha256, now)])
    withdraw(session, design, picture_sha256, now, tick)


def update_design(
    session: Session,
    design: Design,
    *,
    title: str | None = None,
    kind: str | None = None,
    public_preview: bool | None = None,
    collection: str | None = None,
    now: datetime,
    reach: Reach = WHOLE,
) -> None:
    """Change the owner's description of a design.

    An empty `collection` takes the design out of its collection. Only an agent with the whole reach may do
    so, because licences of the collection follow. Raises Rejected as `check_words` and `check_collection` do,
    Conflict (`licence.exclusive`, `appointment.outside`).
    """
    if collection is not None and check_collection(collection) != design.collection:
        reach.require_whole()
        ask_change(session, design, collection=check_collection(collection), now=now)
    title = design.title if title is None else title.strip() or design.reference
    kind = design.kind if kind is None else as_word(kind)
    check_words(title, kind)
    design.title, design.kind = title, kind
    if collection is not None:
        design.collection = check_collection(collection)
    if public_preview is not None:
        design.public_preview = public_preview
    if session.is_modified(design):
        design.salt = new_salt()  # of the new entry
        session.flush()
        record_at_commit(session, [facts.updated(design, now)])
