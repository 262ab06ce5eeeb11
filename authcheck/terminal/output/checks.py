"""Terminal output of checks, replays and their reasons."""

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
    """Return all reasons in one line."""
    return "; ".join(reason_sentence(reason.code, reason.params) for reason in reasons)


def exit_code(verdicts: Sequence[VerdictCode | None]) -> int:
    """Return 0 when no design was found, 1 when a design was found, 3 when a picture is unreadable (None)."""
    if any(verdict is None for verdict in verdicts):
        return 3
    return 1 if any(verdict is not VerdictCode.NONE for verdict in verdicts) else 0


def show_check(name: str, check_id: str, answer: Answer, *, json: bool) -> None:
    """Print the answer about one picture."""
    verdict = answer.verdict
    if json:
        console.json_line(
            {"query": name, "check_id": check_id, **verdict_dict(verdict), "policy": answer.policy.name}
        )
        return
    line = Text.assemble(console.styled(verdict.code.value), f"  {console.plain(name)}")
    if design_name(verdict):
        line.append(f"  {design_name(verdict)}  score {console.score_text(verdict.score)}")
    console.out().print(line, soft_wrap=True)
    if verdict.reasons:
        console.out().print(f"  {reasons_text(verdict.reasons)}", markup=False, soft_wrap=True)
    for finding in verdict.findings[1:]:
        candidate = finding.candidate
        details = f"  {candidate.reference} of {candidate.owner}  score {console.score_text(candidate.score)}"
        console.out().print(
            Text.assemble("  also ", console.styled(finding.code.value), details), soft_wrap=True
        )
    console.out().print(f"  {check_id}", style="dim", markup=False)


def explained(path: Path, findings: Sequence[Found]) -> str:
    """Return an explanation of the evidence picture at `path` for its reader."""
    if not findings:
        return f"{path} shows the picture alone, because the check found no design."
    legend = (
        " A: the picture, straightened. B: the registered design. C: the differences are marked, and parts"
        " that are not in the picture are hatched."
    )
    sentences = [_explain_finding(number, finding) for number, finding in enumerate(findings[:MOST], 1)]
    more = f" {len(findings) - MOST} more designs are not drawn." * (len(findings) > MOST)
    return f"{path}: {' '.join(sentences)}{more}{legend}"


def _explain_finding(number: int, finding: Found) -> str:
    name, alignment = f"{finding.design.reference} of {finding.design.owner.handle}", finding.alignment
    if alignment is None:
        return f"{number} {name} (the place in the picture is not known, so both are shown side by side)."
    changes = {"mirrored": alignment.mirrored, "light and dark swapped": alignment.inverted}
    change_text = "".join(f", {change}" for change, applies in changes.items() if applies)
    return f"{number} {name} (the picture shows {alignment.coverage:.0%}{change_text})."


def verdict_dict(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict for JSON."""
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
    """Return the design of the verdict as `REFERENCE of OWNER`, or an empty text when no design was found."""
    candidate = verdict.candidate if verdict.code is not VerdictCode.NONE else None
    return f"{candidate.reference} of {candidate.owner}" if candidate else ""


def show_replay(replayed: Replay, *, json: bool) -> None:
    """Print a replay beside the stored answer and the answer of today's registry."""
    check = replayed.check
    design = check.design if check.verdict != VerdictCode.NONE else None
    if json:
        stored_answer = {
            "verdict": check.verdict,
            "score": check.score,
            "method": check.method if check.verdict != VerdictCode.NONE else None,
            "design": {"id": design.id, "reference": design.reference, "owner": design.owner.handle}
            if design
            else None,
        }
        console.json_line(
            {
                "check_id": check.id,
                "then": stored_answer,
                "again": verdict_dict(replayed.again) if replayed.again else None,
                "today": verdict_dict(replayed.today) if replayed.today else None,
                "changes": list(replayed.changes),
                "registry_moved": replayed.registry_moved,
            }
        )
        return
    table = console.table("", "verdict", "score", "design")
    name = f"{design.reference} of {design.owner.handle}" if design else ""
    table.add_row("then", console.styled(check.verdict), console.score_text(check.score), Text(name))
    for label, verdict in (("replayed", replayed.again), ("today", replayed.today)):
        if verdict is not None:
            table.add_row(
                label,
                console.styled(verdict.code.value),
                console.score_text(verdict.score),
                Text(design_name(verdict)),
            )
    console.out().print(table)
    console.say(_replay_text(replayed))


def _replay_text(replayed: Replay) -> str:
    if "scheme" in replayed.changes:
        return f"This release cannot compare fingerprints of the check's scheme {replayed.check.scheme}."
    moved_note = " The registry has changed since the check." * replayed.registry_moved
    if replayed.changes:
        return f"The replay differs in: {', '.join(replayed.changes)}.{moved_note}"
    return f"The replay gives the same answer.{moved_note}"
