"""Flow: threads, processes and a revocation race licensees that issue.

No unit exceeds the cap or follows a revocation.
"""

import threading
from collections.abc import Callable
from typing import Any

import certificates_made as made
import ledger_writers
import licensees_made as licensees
import pytest
from ledger_made import assert_log_sound
from licensees_made import Licensee
from log_made import DatabaseLog

from authcheck.licences.tables import Licence

pytestmark = pytest.mark.postgresql

RACERS = 3


@pytest.mark.slow
def test_threads_never_exceed_the_cap(printers: Licensee, license_it: Callable[..., Licence]) -> None:
    """Several threads order until they are refused.

    Fewer than three units of the cap stay unused, and no unit exceeds the cap.
    """
    licence = license_it(cap=20)
    start, codes = threading.Barrier(RACERS), list[str]()

    def race(name: str) -> None:
        start.wait(20)
        work = printers.work
        codes.extend(licensees.issue_until_refused(work.settings, "printers", printers.design.id, name, 3))

    threads = [threading.Thread(target=race, args=(str(number),)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == ["licence.over_cap"] * RACERS
    assert printers.units() == printers.meter(licence).units == 18
    assert_log_sound(DatabaseLog(printers.work.database))


@pytest.mark.slow
def test_processes_never_exceed_the_cap(printers: Licensee, license_it: Callable[..., Licence]) -> None:
    """Several processes, each with its own database connection and memory, stay within the cap."""
    licence = license_it(cap=20)
    words = (printers.work.settings, "printers", printers.design.id)
    racers = [
        ledger_writers.start(licensees.issue_in_a_process, *words, str(number), 3) for number in range(RACERS)
    ]
    for racer in racers:
        racer.join()
        assert racer.exitcode == 0
        racer.close()
    assert printers.units() == printers.meter(licence).units == 18
    assert_log_sound(DatabaseLog(printers.work.database))


@pytest.mark.slow
def test_a_sublicence_shares_the_cap_that_it_stands_on(
    printers: Licensee, acme: made.Brand, license_it: Callable[..., Licence]
) -> None:
    """A licensee and its sublicensee issue at once in two processes. Together they stay within the cap."""
    licence = license_it(cap=12, sublicensing=True)
    licensees.licensee(acme.work, acme.design, "weavers")
    words: dict[str, Any] = {"parent_id": licence.id, "designs": (acme.design.id,), "cap": 12}
    below = licensees.licence(acme.work, "printers", "weavers", **words)
    racers = [
        ledger_writers.start(
            licensees.issue_in_a_process, acme.work.settings, handle, acme.design.id, handle, 3
        )
        for handle in ("printers", "weavers")
    ]
    for racer in racers:
        racer.join()
        assert racer.exitcode == 0
        racer.close()
    assert printers.units() == printers.meter(licence).units == 12
    assert printers.meter(below).units <= 12


@pytest.mark.slow
def test_nothing_is_issued_after_a_revocation(
    printers: Licensee, acme: made.Brand, license_it: Callable[..., Licence]
) -> None:
    """The owner revokes while a process issues. No certificate follows the revocation in the ledger."""
    licence = license_it()
    words = (printers.work.settings, "printers", printers.design.id, "one", 3)
    racer = ledger_writers.start(licensees.issue_in_a_process, *words)
    while printers.units() < 9:
        assert racer.is_alive()
    revoked = licensees.revoke(acme.work, "acme", licence.id)
    racer.join()
    assert racer.exitcode == 0
    racer.close()
    issued = [entry["number"] for entry in made.entries(acme.work, "cert.issue")]
    assert revoked.revoked_entry is not None
    assert max(issued) < revoked.revoked_entry
    assert len(issued) == printers.units()
    assert_log_sound(DatabaseLog(printers.work.database))
