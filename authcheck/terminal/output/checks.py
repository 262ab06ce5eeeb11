"""Checks, replays and their reasons as the terminal shows them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from authcheck.checks.answers import Answer
from authcheck.checks.evidence import Found
from authcheck.checks.reasons import reason_sentence
from authcheck.checks.replay import Replay
from authcheck.checks.verdicts import Reason, Verdict, VerdictCode
from authcheck.terminal.output import console
from authcheck.vision.matching.overlay import MOST


def reasons_text(reasons: Iterable[Reason]) -> str:
    """All reasons in one line."""
    return "; ".join(reason_sentence(reason.code, reason.params) for reason in reasons)


def exit_code(verdicts: Sequence[VerdictCode | None]) -> int:
    """As grep: 0 nothing found, 1 a design was found, 3 some picture could not be looked at (None)."""
    if any(verdict is None for verdict in verdicts):
        return 3
    return 1 if any(verdict is not VerdictCode.NONE for verdict in verdicts) else 0


def show_check(name: str, check_id: str, given: Answer, *, json: bool) -> None:
    """One checked picture."""
    verdict = given.verdict
    if json:
        console.json_line(
            {"query": name, "check_id": check_id, **verdict_dict(verdict), "policy": given.policy.name}
        )
        return
    line = Text.assemble(console.styled(verdict.code.value), f"  {console.plain(name)}")
    if design_name(verdict):
        line.append(f"  {design_name(verdict)}  score {verdict.score:.3f}")
    console.out().print(line, soft_wrap=True)
    if verdict.reasons:
        console.out().print(f"  {reasons_text(verdict.reasons)}", markup=False, soft_wrap=True)
    for finding in verdict.findings[1:]:
        also = finding.candidate
        words = f"  {also.reference} of {also.owner}  score {also.score:.3f}"
        console.out().print(
            Text.assemble("  also ", console.styled(finding.code.value), words), soft_wrap=True
        )
    console.out().print(f"  {check_id}", style="dim", markup=False)


def explained(path: Path, found: Sequence[Found]) -> str:
    """What an evidence picture shows, for whoever opens it next."""
    if not found:
        return f"{path}: nothing was found; it shows the picture alone."
    legend = " A: as in the picture, straightened. B: as registered. C: differences marked, hatched: not in the picture."
    lines = [_explained(number, one) for number, one in enumerate(found[:MOST], 1)]
    more = f" {len(found) - MOST} more are not drawn." * (len(found) > MOST)
    return f"{path}: {' '.join(lines)}{more}{legend}"


def _explained(number: int, found: Found) -> str:
    name, where = f"{found.design.reference} of {found.design.owner.handle}", found.alignment
    if where is None:
        return f"{number} {name} (not located in the picture: shown side by side)."
    words = {"mirrored": where.mirrored, "light and dark swapped": where.inverted}
    extra = "".join(f", {word}" for word, holds in words.items() if holds)
    return f"{number} {name} ({where.coverage:.0%} of it is seen{extra})."


def verdict_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict for JSON."""
    candidate = verdict.candidate if verdict.code is not VerdictCode.NONE else None
    return {
        "verdict": verdict.code.value,
        "score": verdict.score,
        "method": candidate.method if candidate else None,
        "design": {"id": candidate.design_id, "reference": candidate.reference, "owner": candidate.owner}
        if candidate
        else None,
        "reasons": [{"code": reason.code, **reason.params} for reason in verdict.reasons],
        "findings": [
            {
                "verdict": finding.code.value,
                "score": finding.candidate.score,
                "design": {
                    "id": finding.candidate.design_id,
                    "reference": finding.candidate.reference,
                    "owner": finding.candidate.owner,
                },
                "alignment": finding.candidate.alignment.to_json() if finding.candidate.alignment else None,
            }
            for finding in verdict.findings
        ],
    }


def design_name(verdict: Verdict) -> str:
    """The design that was found, by its owner's reference; empty where none was."""
    found = verdict.candidate if verdict.code is not VerdictCode.NONE else None
    return f"{found.reference} of {found.owner}" if found else ""


def show_replay(replayed: Replay, *, json: bool) -> None:
    """A check asked again, beside what it answered then and would answer today."""
    check, found = replayed.check, replayed.check.design
    if json:
        design = (
            {"id": found.id, "reference": found.reference, "owner": found.owner.handle} if found else None
        )
        then = {"verdict": check.verdict, "score": check.score, "method": check.method, "design": design}
        again = verdict_dict(replayed.again) if replayed.again else None
        today = verdict_dict(replayed.today) if replayed.today else None
        changes = list(replayed.changes)
        console.json_line(
            {
                "check_id": check.id,
                "then": then
                if check.verdict != VerdictCode.NONE
                else {**then, "method": None, "design": None},
                "again": again,
                "today": today,
                "changes": changes,
                "registry_moved": replayed.registry_moved,
            }
        )
        return
    shown = console.table("", "verdict", "score", "design")
    named = (
        f"{found.reference} of {found.owner.handle}" if found and check.verdict != VerdictCode.NONE else ""
    )
    shown.add_row("then", console.styled(check.verdict), f"{check.score:.3f}", Text(named))
    for label, verdict in (("replayed", replayed.again), ("today", replayed.today)):
        if verdict is not None:
            shown.add_row(
                label, console.styled(verdict.code.value), f"{verdict.score:.3f}", Text(design_name(verdict))
            )
    console.out().print(shown)
    console.say(_replay_words(replayed))


def _replay_words(replayed: Replay) -> str:
    if "scheme" in replayed.changes:
        return f"Fingerprints were {replayed.check.scheme} then: this release cannot compare them."
    moved = " The registry has changed since." * replayed.registry_moved
    if replayed.changes:
        return f"The replay differs in: {', '.join(replayed.changes)}.{moved}"
    return f"The same answer came out.{moved}"
