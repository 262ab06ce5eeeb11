"""Flow: the README's offline check, with what its commands write and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import certificates_made as made
import pytest

from authcheck.workspace import Workspace

Cli = Callable[..., Any]


@pytest.mark.parametrize("brand", [(), ("--brand", "acme")])
def test_the_proof_and_the_keys_are_enough(
    workspace: Workspace, cli: Cli, tmp_path: Path, brand: tuple[str, ...]
) -> None:
    """Look up with a bundle, export the keys, verify. The keys of another brand do not verify it."""
    acme = made.brand(workspace)
    acme.issue()
    made.brand(workspace, "globex", seed=3)
    unit, trust = tmp_path / "unit.json", tmp_path / "trust.json"
    assert cli("lookup", acme.certificates()[0].code, "--bundle", unit).code == 0
    done = cli("trust", "export", *brand, "--out", trust)
    assert (done.code, ("1 issuer." if brand else "2 issuers.") in done.err) == (0, True)
    assert cli("trust", "export", *brand).out.splitlines()[1:-1] != []
    verified = cli("verify-bundle", unit, "--trust", trust)
    assert (verified.code, "good" in verified.out) == (0, True)
    cli("trust", "export", "--brand", "globex", "--out", trust)
    assert cli("verify-bundle", unit, "--trust", trust).code != 0


def test_an_unknown_brand_is_named(workspace: Workspace, cli: Cli) -> None:
    """No file is written for a brand that does not exist."""
    made.brand(workspace)
    done = cli("trust", "export", "--brand", "nobody")
    assert (done.code, done.out, "organisation.not_found" in done.err) == (2, "", True)
