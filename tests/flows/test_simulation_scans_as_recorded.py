"""The simulated year of docs/clones.md sees the same scans as recording, so its figures are about these rules."""

import hashlib
import sys
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
import scans_made as made
import units_made

from authcheck.scans import recording
from authcheck.scans.zones import believe
from authcheck.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from scan_lives import Lives, World
from simulate_scans import START, sessions


def keyed(name: str) -> str:
    """Return a hash as long as those of scans."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


@pytest.mark.slow
def test_the_simulation_sees_the_scans_that_are_recorded(workspace: Workspace) -> None:
    """Lives with retries, bots, VPNs and many phones at once give the evidence that the rules would see."""
    world = World(shop_units=1, shop_scans=12, buyers=1, vpn=0.3, no_script=0.3, private=0.3)
    lives = Lives(world, Random(1))
    units = units_made.issue(workspace, units_made.brand_with_key(workspace), count=3)
    for number, unit in enumerate(units):
        life = lives.honest()
        looks = sorted((look for look in life.looks if not look.is_program), key=lambda look: look.at)
        for turn, look in enumerate(looks):
            scan = made.scan(
                unit, visit=f"{number} {turn}", visitor=keyed(look.visitor), network=keyed(look.network),
                place=believe(look.place, look.zone), at=START + timedelta(days=look.at),
            )  # fmt: skip
            made.record(workspace, scan)
        rows = made.sessions_of(workspace, unit)
        assert [(row.started_at, row.country, row.cell) for row in rows] == [
            (scan.at, scan.place.country, scan.place.cell) for scan in sessions(life.looks)
        ]
        assert len(rows) < len(looks)


def test_the_simulation_bounds_an_hour_as_recording_does(workspace: Workspace) -> None:
    """Of many phones in one hour, only the first sixty are evidence."""
    life = Lives(World(), Random(2)).copied_evenly([("CN", 0)], 1)
    (look,) = life.looks
    crowd = [
        type(look)(0.001 * number / 24, f"v{number}", f"n{number}", look.place, "") for number in range(100)
    ]
    assert len(list(sessions(crowd))) == recording.MOST_AN_HOUR
