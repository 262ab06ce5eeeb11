"""The agent who acts: each ledger entry that an agent causes names the agent beside the client.

    with acting_for(agent.id):
        agreements.offer(session, client, licensee, terms, now)

The entry's own fields keep naming the client: the offer is the client's offer. The field `agent` has the id
of the agent's organisation.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from authcheck.tlog.entries import Draft

_ACTING: ContextVar[str | None] = ContextVar("authcheck_acting_agent", default=None)


@contextmanager
def acting_for(agent_id: str | None) -> Iterator[None]:
    """Name an agent (an organisation's id) in all entries that this block drafts. None names nobody.

    The block holds for this thread or this task only. A function that runs in a new thread is outside.
    """
    token = _ACTING.set(agent_id)
    try:
        yield
    finally:
        _ACTING.reset(token)


def name_agent(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts with the field `agent` of the agent who acts, if somebody acts.

    A draft that has the field keeps it: `agent.appoint` and `agent.end` are about an agent.
    """
    agent_id = _ACTING.get()
    if agent_id is None:
        return list(drafts)
    return [replace(draft, fields={"agent": agent_id, **draft.fields}) for draft in drafts]
