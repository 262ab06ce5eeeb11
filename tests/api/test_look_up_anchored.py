"""Look-ups over HTTP for a ledger that is anchored in a chain."""

import make
import pytest
import units_made as units
from chain_made import MemoryChain
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.config import Settings
from authcheck.ledger import anchoring
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

CHAIN = {"evm_url": "http://127.0.0.1:9", "evm_chain": 1, "evm_confirmations": 1}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a service that anchors. The chain need not answer, because no page asks it."""
    return settings.model_copy(update=CHAIN)


def run(workspace: Workspace, chain: MemoryChain) -> None:
    """Run one round of `authcheck anchors run`."""
    anchoring.run(workspace.database, workspace.settings, chain.anchor(), make.NOW)


def test_a_transaction_is_found_by_either_hash(workspace: Workspace, settings: Settings) -> None:
    """The ledger's id leads to the chain's transaction and back to its entries.

    The steps of a look-up show the anchor.
    """
    unit = units.issue(workspace, units.brand_with_key(workspace))[0]
    chain = MemoryChain()
    with TestClient(create_app(settings)) as client:

        def step() -> dict[str, str]:
            told = client.get(f"/v1/certificates/{unit.code}").json()
            return next(one for one in told["checked"] if one["name"] == "anchor")

        assert (step()["state"], step()["detail"]) == ("unknown", "waiting")
        tx_id = client.get(f"/v1/certificates/{unit.code}").json()["tx_id"]
        assert client.get(f"/v1/tx/{tx_id}").json()["anchor"] is None
        run(workspace, chain)
        assert step()["detail"] == "sent"
        chain.mine()
        run(workspace, chain)
        assert (step()["state"], step()["detail"]) == ("true", "confirmed")
        entry = client.get(f"/v1/tx/{tx_id}").json()
        covering = client.get(f"/v1/tx/{entry['anchor']['transaction_hash']}").json()
        assert covering == entry["anchor"]
        assert covering["previous_size"] <= entry["number"] < covering["size"]
        assert covering["state"] == "confirmed"
