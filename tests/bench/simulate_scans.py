"""A simulated year of labels: how many copies the clone rules find, and how many honest units they suspect.

    python tests/bench/simulate_scans.py [--units 100000] [--copies 200] [--seed 1] [--tourists .05] ...

Each life (`scan_lives.py`) goes through the pure rules as recording drives them: a look within half an hour of
the last look of the same visitor is the same scan, and after each new scan the rules see those before it. A
unit is flagged by the first grave hit. With `--marks`, a third of the brands names its markets, a fifth of the
shops reports sales, and a tenth of the buyers claims the unit. `--limits` takes what AUTHCHECK_CLONE_LIMITS does.
"""

import argparse
import dataclasses
import math
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from bench_index import table
from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parent))

from scan_lives import Life, Lives, Look, World, draw_markets

from authcheck.scans import rules
from authcheck.scans.limits import CloneLimits, parse_limits
from authcheck.scans.recording import HOUR, MOST_AN_HOUR, MOST_EVIDENCE, SESSION
from authcheck.scans.rules import Hit, Seen, UnitFacts
from authcheck.scans.zones import believe

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNTRIES = "countries, as shops and buyers come"
EVENLY = "countries, one look a copy, evenly"
CITIES = "cities of China"
AFTER = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50)


@dataclasses.dataclass
class Verdict:
    """What became of a label: its scans and phones, how many there were when it was flagged, and by what."""

    scans: int = 0
    phones: int = 0
    after_scans: float = math.inf
    after_phones: float = math.inf
    hits: Sequence[Hit] = ()


def sessions(looks: Sequence[Look]) -> Iterator[Seen]:
    """Yield the scans that recording would add. Its rules are in `recording._join_or_add`."""
    last: dict[str, datetime] = {}
    added: list[datetime] = []
    for look in sorted(looks, key=lambda look: look.at):
        at = START + timedelta(days=look.at)
        if look.is_program:
            continue
        is_new = at - last.get(look.visitor, START - 9 * SESSION) >= SESSION
        last[look.visitor] = at
        if not is_new or sum(at - other < HOUR for other in added[-MOST_AN_HOUR:]) >= MOST_AN_HOUR:
            continue
        added.append(at)
        yield Seen(at, look.visitor, look.network, believe(look.place, look.zone))


def judge(life: Life, facts: UnitFacts, limits: CloneLimits) -> Verdict:
    """Apply the rules after each scan, up to the first grave hit."""
    scans: list[Seen] = []
    verdict = Verdict()
    for scan in sessions(life.looks):
        scans.append(scan)
        if not verdict.hits:
            hits = rules.apply(scans[-MOST_EVIDENCE:], facts, limits)
            verdict.hits = [hit for hit in hits if hit.is_grave]
            if verdict.hits:
                verdict.after_scans, verdict.after_phones = len(scans), rules.count_phones(scans)
    verdict.scans, verdict.phones = len(scans), rules.count_phones(scans)
    return verdict


def facts_of(life: Life, dice: Random, marks: bool) -> UnitFacts:
    """Return what the brand, the shop and the owner have said about a unit."""
    if not marks:
        return UnitFacts()
    sold_at = START + timedelta(days=life.sold_at)
    is_claimed = life.owner is not None and bool(life.owner.cookies) and dice.random() < 0.1
    return UnitFacts(
        markets=frozenset({life.country}) if dice.random() < 1 / 3 else frozenset(),
        sold_at=sold_at if dice.random() < 1 / 5 else None,
        claimed_at=sold_at + timedelta(days=3) if is_claimed else None,
        owner=next(iter(life.owner.cookies.values())) if is_claimed and life.owner else "",
    )


def show_honest(options: argparse.Namespace, world: World, limits: CloneLimits) -> None:
    """Print how many honest units are flagged, by which rules, and for which innocent causes."""
    dice = Random(f"honest {options.seed}")
    lives, flagged, causes = Lives(world, dice), Counter[str](), Counter[str]()
    by_rule, scans, scanned, number = Counter[str](), 0, 0, 0
    for _ in track(range(options.units), "honest units", console=Console(stderr=True)):
        life = lives.honest()
        verdict = judge(life, facts_of(life, dice, options.marks), limits)
        scans, scanned = scans + verdict.scans, scanned + bool(verdict.scans)
        causes.update(life.causes)
        if verdict.hits:
            number += 1
            by_rule.update(hit.kind for hit in verdict.hits)
            flagged[" + ".join(sorted(life.causes)) or "none"] += 1
    print(
        f"\n{options.units:,} honest units, {scanned:,} of them scanned, {scans:,} scans: {number} flagged,"
    )
    print(
        f"{10_000 * number / options.units:.2f} in 10,000 units, {10_000 * number / scanned:.2f} in 10,000 scanned units\n"
    )
    table(["rule", "honest units flagged"], [[kind, str(count)] for kind, count in by_rule.most_common()])
    table(
        ["innocent causes", "honest units flagged"],
        [[words, str(count)] for words, count in flagged.most_common(12)],
    )
    table(["cause", "units with it"], [[words, f"{count:,}"] for words, count in causes.most_common()])


def show_copies(options: argparse.Namespace, world: World, limits: CloneLimits, what: str) -> None:
    """Print how many copied labels are flagged after how many scans, by the number of places of their sale."""
    dice = Random(f"copies {options.seed} {what}")
    lives = Lives(world, dice)
    verdicts: dict[int, list[Verdict]] = {}
    for _ in track(range(options.copies), what, console=Console(stderr=True)):
        places, copies = draw_markets(dice, in_one_country=what == CITIES)
        life = (lives.copied_evenly if what == EVENLY else lives.copied)(places, copies)
        verdicts.setdefault(len(places), []).append(judge(life, facts_of(life, dice, options.marks), limits))
    rows = []
    for name in [*map(str, sorted(verdicts)), "2 to 5", "2 to 5, phones"]:
        some = [
            verdict
            for number, group in verdicts.items()
            for verdict in group
            if name == str(number) or (number > 1 and name.startswith("2 to 5"))
        ]
        is_phones = name.endswith("phones")
        seen = [verdict.phones if is_phones else verdict.scans for verdict in some]
        after = [verdict.after_phones if is_phones else verdict.after_scans for verdict in some]
        shares = [share(seen, after, count) for count in AFTER]
        flagged = sum(bool(verdict.hits) for verdict in some)
        rows.append(
            [name, str(len(some)), f"{statistics.median(seen):.0f}", *shares, f"{flagged}", middle(after)]
        )
    print(
        f"\nCopied labels, sold in {what}: per cent flagged after so many scans, of those scanned so often\n"
    )
    table(["places", "labels", "median scans", *map(str, AFTER), "flagged", "median after"], rows)
    kinds = Counter(hit.kind for group in verdicts.values() for verdict in group for hit in verdict.hits)
    print("Rules:", ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))


def share(seen: Sequence[int], after: Sequence[float], count: int) -> str:
    """Return the per cent flagged within `count` scans, of the labels with so many scans or flagged before."""
    able = [
        flag <= count for number, flag in zip(seen, after, strict=True) if number >= count or flag <= count
    ]
    return f"{100 * sum(able) / len(able):.0f}" if able else "-"


def middle(after: Sequence[float]) -> str:
    """Return the median number of scans, "never" when fewer than half of the labels are flagged."""
    median = statistics.median_low(after)
    return "never" if math.isinf(median) else f"{median:.0f}"


def main() -> None:
    """Print the figures of one seed and one world."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--copies", type=int, default=200)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--limits", default="")
    parser.add_argument("--marks", action="store_true")
    for field in dataclasses.fields(World):
        name = "--" + field.name.replace("_", "-")
        if field.type is bool or field.default is False:
            parser.add_argument(name, action="store_true")
        else:
            parser.add_argument(name, type=float, default=field.default)
    options = parser.parse_args()
    world = World(**{field.name: getattr(options, field.name) for field in dataclasses.fields(World)})
    limits = parse_limits(options.limits)
    for what in (COUNTRIES, EVENLY, CITIES) if options.copies else ():
        show_copies(options, world, limits, what)
    if options.units:
        show_honest(options, world, limits)


if __name__ == "__main__":
    main()
