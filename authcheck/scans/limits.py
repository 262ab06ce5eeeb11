"""The parameters of the clone rules, and their one setting."""

from dataclasses import dataclass, fields, replace

from authcheck.errors import BadSetting

NAME = "AUTHCHECK_CLONE_LIMITS"


@dataclass(frozen=True, slots=True)
class CloneLimits:
    """The parameters of the clone rules. docs/clones.md says what each one was measured with.

    A "phone" is a browser on a network, see `rules.phones`. Shares and odds are probabilities, 0 to 1.

    - `window_days`: how far back scans of one unit count.
    - `repeat_phones`: phones that scan one unit within the window.
    - `move_odds`: how often a unit goes to another country within the window and is scanned there.
    - `misplaced_odds`: how often a phone seems to be in a wrong country.
    - `same_place_odds`: how often a misplaced phone seems to be where another phone was.
    - `region_move_odds`, `region_misplaced_odds`: the same between parts of one country.
    - `innocent_odds`: below this probability of the best innocent explanation, the scans are suspect.
    - `speed_kmh`, `airport_hours`: the fastest journey of a unit.
    - `off_market_phones`: phones outside the unit's markets that alert the brand. Three times as many warn
      the buyer.
    - `after_sale_phones`, `after_claim_phones`: other phones after the sale, and after the owner's claim.
    - `probing_units`: units that one phone looks up in a day. A network may have five times as many.
    - `volume_sessions`, `volume_factor`: scans of a batch in a day, and how much more than usual.
    """

    window_days: float = 90
    repeat_phones: float = 100
    move_odds: float = 0.02
    misplaced_odds: float = 0.005
    same_place_odds: float = 0.25
    region_move_odds: float = 0.15
    region_misplaced_odds: float = 0.3
    innocent_odds: float = 0.00045
    speed_kmh: float = 900
    airport_hours: float = 2
    off_market_phones: float = 3
    after_sale_phones: float = 12
    after_claim_phones: float = 5
    probing_units: float = 40
    volume_sessions: float = 50
    volume_factor: float = 8


ODDS = {name for name in CloneLimits.__slots__ if name.endswith("_odds")}


def parse_limits(text: str) -> CloneLimits:
    """Return the limits with the named ones changed: `repeat_phones=60, speed_kmh=1000`.

    Raises BadSetting (`AUTHCHECK_CLONE_LIMITS`) for an unknown name, no number, a number that is not
    positive, or odds of 1 and more.
    """
    names = [field.name for field in fields(CloneLimits)]
    changed: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in names:
            raise _bad_setting_error(f"{name!r} is not one of {', '.join(names)}")
        try:
            changed[name] = float(value)
        except ValueError:
            raise _bad_setting_error(f"{part!r} needs a number, {name}=5 for example") from None
        most = 1 if name in ODDS else float("inf")
        if not 0 < changed[name] < most:
            raise _bad_setting_error(f"{name} must be above 0" + " and below 1" * (name in ODDS))
    return replace(CloneLimits(), **changed)


def _bad_setting_error(detail: str) -> BadSetting:
    return BadSetting(f"{NAME}: {detail}.", name=NAME, detail=detail)
