"""Terminal output of scans: alerts in sentences, and figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from authcheck.scans.figures import Figures
from authcheck.scans.tables import ScanAlert
from authcheck.terminal.output import console

FEW = 25  # below, a share is shown as a fraction
SENTENCES = {
    "places": "{phones} scanned it in {places} far apart within {days}",
    "travel": "{phones} scanned it, {km} km apart within {hours}",
    "after_claim": "{phones} scanned it after its owner claimed it, besides the owner's",
    "after_sale": "{phones} scanned it after it was sold",
    "repeat": "{phones} scanned it within {days}",
    "off_market": "{phones} scanned it outside its markets: {countries}",
    "blocked": "scanned although it is blocked: {reason}",
    "past_date": "scanned after its last day, {date}",
    "inactive": "scanned although it is {state}",
    "unissued": "a code that nobody has issued, GTIN {gtin}, lot {lot}",
    "probing": "one {by} looked up {units} in a day",
    "reported": "{reports} by buyers: {claims}",
    "volume": "{sessions} scans of the batch in a day, usually {usual}",
}
COUNTED = {
    "phones": "phone",
    "places": "place",
    "days": "day",
    "hours": "hour",
    "units": "unit",
    "reports": "report",
}
OTHER_CAUTIONS = {
    "certificate.no_right_at_issue": "its issuer had no right to the design when it was issued",
    "certificate.issuer_suspended": "its issuer is suspended",
    "certificate.owner_suspended": "the owner of its design is suspended",
}


def sentence_of(alert: ScanAlert) -> str:
    """Return the sentence of an alert."""
    return _sentence(alert.kind, alert.params)


def caution_sentence(code: str, params: Mapping[str, Any]) -> str:
    """Return the sentence of a caution about a unit."""
    return OTHER_CAUTIONS.get(code) or _sentence(code.removeprefix("scans."), params)


def _sentence(kind: str, params: Mapping[str, Any]) -> str:
    return SENTENCES[kind].format(**{name: _in_words(name, value) for name, value in params.items()})


def _in_words(name: str, value: Any) -> str:
    if name in COUNTED:
        return f"{value} {COUNTED[name]}{'' if value == 1 else 's'}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "-")


def show_alerts(rows: Sequence[ScanAlert], *, json: bool) -> None:
    """Print one line per alert."""
    if json:
        for row in rows:
            console.json_line(_alert_dict(row))
        return
    table = console.table("alert", "state", "what happened", whole=("alert", "state"))
    for row in rows:
        what = Text(f"{row.kind}: {sentence_of(row)}", style="bold red" if row.is_grave else "")
        table.add_row(row.id, row.state, what)
    console.out().print(table)


def show_alert(row: ScanAlert, *, json: bool) -> None:
    """Print one alert."""
    console.show_facts(_alert_dict(row), json=json)


def _alert_dict(row: ScanAlert) -> dict[str, Any]:
    unit = row.certificate
    return {
        "id": row.id,
        "kind": row.kind,
        "what": sentence_of(row),
        "buyers_warned": row.is_grave and row.state != "cleared",
        "state": row.state,
        "unit": row.certificate_id,
        "product": unit.batch.product if unit else None,
        "batch": row.batch_id,
        "opened_at": row.opened_at.isoformat(),
        "last_at": row.last_at.isoformat(),
        "decided_by": row.decided_by or None,
        "why": row.why or None,
    }


def show_figures(figures: Figures, *, json: bool) -> None:
    """Print the figures of a period, each share with its denominator."""
    if json:
        console.json_line(_figures_dict(figures))
        return
    out = console.out()
    units = _in_words("units", figures.first)
    for line in (
        f"{figures.since} to {figures.until}",
        f"scans        {figures.sessions} ({figures.requests} requests), the first ones of {units}",
        f"probing      {figures.probing} more scans by phones that look up many units",
        f"off market   {share(figures.off_market, figures.located_in_markets)}",
        f"flagged      {share(figures.flagged_units, figures.scanned_units)} units"
        + "".join(f", {kind} {count}" for kind, count in figures.flagged.items()),
        "countries    "
        + ", ".join(f"{country or 'unknown'} {count}" for country, count in figures.countries.items())
        + (f", few elsewhere {figures.few}" if figures.few else ""),
    ):
        out.print(line, markup=False, soft_wrap=True)
    table = console.table("batch", "product", "scanned", "days to first", whole=("scanned",))
    for row in figures.batches:
        days = "-" if row.days_to_first is None else str(row.days_to_first)
        table.add_row(row.batch_id, row.product, share(row.scanned, row.issued), days)
    out.print(table)


def share(part: int, whole: int) -> str:
    """Return a share with its denominator: `3 of 7`, `12 % of 250`."""
    if whole < FEW:
        return f"{part} of {whole}"
    return f"{100 * part / whole:.1f} % of {whole}"


def _figures_dict(figures: Figures) -> dict[str, Any]:
    return {
        "since": figures.since.isoformat(),
        "until": figures.until.isoformat(),
        "sessions": figures.sessions,
        "requests": figures.requests,
        "probing": figures.probing,
        "first": figures.first,
        "scanned_units": figures.scanned_units,
        "countries": figures.countries,
        "few": figures.few,
        "off_market": figures.off_market,
        "located_in_markets": figures.located_in_markets,
        "flagged": figures.flagged,
        "flagged_units": figures.flagged_units,
        "days": [
            {"day": day.day.isoformat(), "sessions": day.sessions, "first": day.first, "advice": day.advice}
            for day in figures.days
        ],
        "batches": [
            {
                "batch": row.batch_id,
                "issued": row.issued,
                "scanned": row.scanned,
                "never": row.never,
                "days_to_first": row.days_to_first,
            }
            for row in figures.batches
        ],
    }
