"""A client that a generator of others made from our OpenAPI document, against a running server."""

import base64
import shutil
from pathlib import Path

import make
import pytest
import units_made as units
from npm_made import run_node, run_script
from servers_made import serving
from starlette.testclient import TestClient

from authcheck.workspace import Workspace

PROGRAM = Path(__file__).parents[1] / "generated_client.mts"
OPTIONS = ("--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "--types", "node")


@pytest.fixture
def compiled(node_modules: Path) -> Path:
    """Make types of the reviewed document, and compile the program on them. Return the compiled program."""
    folder = node_modules.parent / "client"
    folder.mkdir(exist_ok=True)
    shutil.copy(PROGRAM, folder)
    document = Path(__file__).parent / "openapi.json"
    generator = node_modules / "openapi-typescript" / "bin" / "cli.js"
    run_node(generator, document, "-o", folder / "schema.d.ts", "--default-non-nullable=false")
    roots = ("--typeRoots", str(node_modules / "@types"), "--outDir", str(folder))
    run_node(node_modules / "typescript" / "bin" / "tsc", *OPTIONS, *roots, folder / PROGRAM.name)
    return folder / "generated_client.mjs"


def test_a_generated_client_works(
    compiled: Path, node_modules: Path, client: TestClient, workspace: Workspace
) -> None:
    """An integrator's program compiles on the generated types, issues, looks up and checks a picture."""
    design = units.brand_with_key(workspace)
    key = make.key(workspace, "designs:read", "certificates:issue", "listings:check", owner="acme")
    picture = make.picture_bytes(len("acme"))
    with serving(client.app) as url:
        question = {
            "url": url,
            "key": key,
            "design": design,
            "picture": base64.b64encode(picture).decode(),
        }
        told = run_script(node_modules, compiled, question)
    assert told == {
        "reference": "KITE-1",
        "units": 2,
        "advice": "verified",
        "verdict": "match",
        "refused": "design.not_found",
    }
