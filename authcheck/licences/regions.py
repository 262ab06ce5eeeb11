"""Regions of the world, to choose countries from. Each country is in one region."""

from collections.abc import Mapping

from authcheck.licences.codes import COUNTRIES, EUROPEAN_UNION

_NAMED = {
    "eu": " ".join(EUROPEAN_UNION),
    "europe": "AD AL AX BA BY CH FO GB GG GI IM IS JE LI MC MD ME MK NO RS RU SJ SM UA VA",
    "asia": (
        "AF AM AZ BD BN BT CC CN CX GE HK ID IN IO JP KG KH KP KR KZ LA LK MM MN MO MV MY "
        "NP PH PK SG TH TJ TL TM TW UZ VN"
    ),
    "middle_east": "AE BH IL IQ IR JO KW LB OM PS QA SA SY TR YE",
    "north_america": (
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ "
        "MS MX NI PA PM PR SV SX TC TT US VC VG VI"
    ),
    "south_america": "AR BO BR CL CO EC FK GF GS GY PE PY SR UY VE",
    "africa": (
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS "
        "LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TF TG TN TZ "
        "UG YT ZA ZM ZW"
    ),
    "oceania": ("AQ AS AU BV CK FJ FM GU HM KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS"),
}
REGIONS: Mapping[str, tuple[str, ...]] = {name: tuple(codes.split()) for name, codes in _NAMED.items()}
"""The ISO 3166-1 codes of each region, by the region's name. Antarctica and its islands are in `oceania`."""


def in_regions(names: list[str]) -> set[str]:
    """Return the countries of these regions. A name that we do not know names none."""
    return {code for name in names for code in REGIONS.get(name, ()) if code in COUNTRIES}
