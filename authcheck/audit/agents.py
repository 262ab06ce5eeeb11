"""The comparison of entries that agents caused with the appointments that the ledger has."""

from collections import defaultdict

from sqlalchemy import Row

from authcheck.errors import NotTrue
from authcheck.tlog.entries import read_body


class Appointed:
    """The agents by the appointments that began before an entry and had not ended. Expiry is not public."""

    def __init__(self) -> None:
        self._clients: defaultdict[str, dict[str, str]] = defaultdict(dict)  # by agent, then by appointment

    def find_problem(self, row: Row[*tuple[object, ...]]) -> str:
        """Return why an entry cannot name its agent, or an empty string.

        Call it in the order of entries.
        """
        if b'"agent":' not in row.body:
            return ""
        try:
            fields = read_body(row.body)
        except NotTrue:
            return ""  # reported already
        agent_id, subject = str(fields.get("agent")), fields["id"]
        if fields["t"] == "agent.appoint":
            self._clients[agent_id][subject] = str(fields.get("client"))
        elif fields["t"] == "agent.end":
            self._clients[agent_id].pop(subject, None)
        else:
            return self._find_client_problem(agent_id, fields.get("owner", fields.get("licensee")))
        return ""

    def _find_client_problem(self, agent_id: str, client_id: str | None) -> str:
        client_ids = self._clients[agent_id].values()
        if not client_ids:
            return f"names the agent {agent_id}, who had no appointment then"
        if client_id is not None and client_id not in client_ids:
            return f"names the agent {agent_id}, who had no appointment by {client_id} then"
        return ""
