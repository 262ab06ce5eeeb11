"""Invented lives of units with labels: who looks a label up, when, on which phone, in which network.

An honest unit stands in a shop, is bought, shown to a family, taken abroad, sold again. Its looks come from
phones with a VPN, with a foreign SIM card, in private windows, in networks that a map of addresses puts in a
wrong country. A copied label is on many units, which live at other places and at other times.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from authcheck.scans.places import Place, cell_of

HOUR, DAY = 1 / 24, 1.0  # times are days after the first day of the year
YEAR = 365.0
CITIES: dict[str, Sequence[tuple[float, float]]] = {
    "CN": [(23.1, 113.3), (31.2, 121.5), (39.9, 116.4), (30.6, 104.1), (34.3, 108.9), (30.6, 114.3)],
    "US": [(40.7, -74.0), (34.1, -118.2), (41.9, -87.6), (29.8, -95.4)],
    "JP": [(35.7, 139.7), (34.7, 135.5), (33.6, 130.4)],
    "KR": [(37.6, 127.0), (35.2, 129.1)],
    "DE": [(52.5, 13.4), (48.1, 11.6), (50.9, 7.0)],
    "FR": [(48.9, 2.4), (43.3, 5.4), (45.8, 4.8)],
    "GB": [(51.5, -0.1), (53.5, -2.2)],
    "TH": [(13.8, 100.5), (18.8, 99.0)],
    "SG": [(1.3, 103.8)],
    "HK": [(22.3, 114.2)],
    "AU": [(-33.9, 151.2), (-37.8, 145.0)],
    "CA": [(43.7, -79.4), (49.3, -123.1)],
}
SHARES = {
    "CN": 50, "US": 12, "JP": 8, "KR": 5, "DE": 7, "FR": 5, "GB": 4, "TH": 3, "SG": 1, "HK": 2, "AU": 2, "CA": 1,
}  # fmt: skip
ZONES = {
    "CN": "Asia/Shanghai", "US": "America/New_York", "JP": "Asia/Tokyo", "KR": "Asia/Seoul", "DE": "Europe/Berlin",
    "FR": "Europe/Paris", "GB": "Europe/London", "TH": "Asia/Bangkok", "SG": "Asia/Singapore", "HK": "Asia/Hong_Kong",
    "AU": "Australia/Sydney", "CA": "America/Toronto",
}  # fmt: skip
EXITS = ("HK", "JP", "US", "SG", "US", "DE", "KR", "GB")  # of VPNs
CARRIER_PREFIXES = 3000  # /24 networks of the mobile phones of a country
MODELS = 300  # of phones with their version of the browser, a few of them on many phones


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Shares of units, of phones, or of looks. Each is what an option of `simulate_scans.py` says."""

    shop_units: float = 0.3
    shop_scans: float = 4.0
    buyers: float = 0.6
    families: float = 0.3
    tourists: float = 0.02
    gifts: float = 0.005
    second_hand: float = 0.05
    factory: float = 0.005
    photos: float = 0.001
    disguised: float = 0.002
    vpn: float = 0.01
    office: float = 0.005
    misplaced: float = 0.002
    private: float = 0.05
    no_script: float = 0.01
    wrong_clock: float = 0.005
    mobile_elsewhere: float = 0.3
    header_only: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """The page was opened. `zone` is the time zone of the phone, "" without JavaScript."""

    at: float
    visitor: str
    network: str
    place: Place
    zone: str
    is_program: bool = False


@dataclass
class Phone:
    """A phone of somebody who lives in a country. Its cookies, by browser, are the visitors that it has been."""

    country: str
    city: int
    home: str
    model: int
    exit: str
    office: str
    is_private: bool
    runs_scripts: bool
    clock: str
    cookies: dict[str, str] = field(default_factory=dict)


@dataclass
class Life:
    """All looks at one label, and the innocent causes for which they may look like a copy's."""

    looks: list[Look] = field(default_factory=list)
    causes: set[str] = field(default_factory=set)
    country: str = ""
    sold_at: float = 0.0
    owner: Phone | None = None


class Lives:
    """Makes lives. The same dice make the same lives."""

    def __init__(self, world: World, dice: Random) -> None:
        self.world, self.dice = world, dice

    def honest(self) -> Life:
        """Return the life of a unit whose label nobody has copied."""
        life, dice, world = Life(country=self.any_country()), self.dice, self.world
        made_at = dice.uniform(0, YEAR - 30)
        city = self.any_city(life.country)
        if dice.random() < world.factory:
            life.causes.add("factory")
            self.look(life, self.phone("CN"), made_at - dice.uniform(15, 60))
        life.sold_at = made_at + dice.expovariate(1 / 20)
        if dice.random() < world.shop_units:
            self.shop(life, (life.country, city), made_at, life.sold_at, self.customers(world.shop_scans))
        if dice.random() < world.disguised:
            life.causes.add("disguised bot")
            self.disguised(life, made_at + dice.uniform(0, 60))
        if dice.random() < world.buyers:
            self.buyer(life, city)
        if dice.random() < world.photos:
            self.photo(life, life.sold_at + dice.uniform(1, 60))
        for _ in range(self.count(0.3)):
            life.looks.append(
                Look(made_at + dice.uniform(0, 90), "bot", "bot", Place("US"), "", is_program=True)
            )
        return life

    def copied(self, places: Sequence[tuple[str, int]], copies: int) -> Life:
        """Return the life of a label that is on an honest unit and on copies, sold at these places.

        Some places sell more than others. Each has its season, shops and buyers who look twice. In half of
        the cases the copier has bought the unit, so that nobody else has it.
        """
        dice, life = self.dice, self.honest()
        if dice.random() < 0.5:
            life.looks = life.looks[:1]
        began = life.sold_at + dice.uniform(5, 40)
        weights = [dice.gammavariate(2, 1) for _ in places]
        seasons = [(began + dice.uniform(0, 30), dice.uniform(40, 150)) for _ in places]
        for _ in range(copies):
            country, city = dice.choices(places, weights)[0]
            start, length = seasons[places.index((country, city))]
            sold_at = start + dice.uniform(0, length)
            if dice.random() < 0.3:
                self.shop(life, (country, city), sold_at - 10, sold_at, 1 + self.count(1))
            if dice.random() < 0.4:
                phone = self.phone(country, city)
                for _ in range(1 + self.count(0.5)):
                    self.look(life, phone, sold_at + dice.expovariate(1 / 2))
        return life

    def copied_evenly(self, places: Sequence[tuple[str, int]], copies: int) -> Life:
        """Return the looks at copies of a label: one a copy, all places the same, and no other looks."""
        life = Life()
        for _ in range(copies):
            country, city = self.dice.choice(places)
            at = self.dice.uniform(0, 120)
            life.looks.append(self.one_look(life, self.phone(country, city), at, None, ""))
        return life

    def shop(self, life: Life, here: tuple[str, int], begin: float, end: float, scans: int) -> None:
        """Let customers of a shop look a unit up, on the shop's network or their own."""
        dice, (country, city) = self.dice, here
        network = f"shop {dice.getrandbits(40)}"
        for _ in range(scans):
            is_guest = dice.random() < self.world.tourists
            life.causes |= {"guest in the shop"} if is_guest else set()
            phone = self.phone(self.other_country(country) if is_guest else country, city)
            self.look(life, phone, dice.uniform(begin, end), here=here, wifi=network)

    def buyer(self, life: Life, city: int) -> None:
        """Let somebody buy the unit, look it up and take it home, perhaps abroad, and sell it again."""
        dice, world, at, here = self.dice, self.world, life.sold_at, (life.country, city)
        is_tourist = dice.random() < world.tourists
        lives_abroad = is_tourist and dice.random() < 0.5
        phone = self.phone(self.other_country(life.country) if lives_abroad else life.country, city)
        life.owner = phone
        for _ in range(dice.randint(1, 3)):
            self.look(life, phone, at + dice.expovariate(1 / 2), here=here)
        abroad = (self.other_country(life.country), 0)
        if is_tourist:
            life.causes.add("tourist who buys" if lives_abroad else "tourist with the unit")
            at += dice.uniform(1, 12)
            if not lives_abroad:  # a journey with the unit, and back
                self.company(life, phone, at, abroad)
                at += dice.uniform(2, 20)
        elif dice.random() < world.gifts:
            life.causes.add("gift abroad")
            phone, at = self.phone(*abroad), at + dice.uniform(3, 30)
            self.company(life, phone, at, abroad)
        home = (phone.country, phone.city)
        if dice.random() < 0.5:
            self.look(life, phone, at + dice.uniform(0, 30), here=home)
        if dice.random() < world.families:
            life.causes.add("family")
            self.company(life, phone, at + dice.uniform(0, 20), home)
        if dice.random() < world.second_hand:
            self.sell_again(life, phone, at + dice.uniform(30, 200))

    def sell_again(self, life: Life, seller: Phone, at: float) -> None:
        """Let the owner look the unit up for a buyer, who looks it up at home and shows it to others."""
        goes_abroad = self.dice.random() < 0.15
        life.causes.add("sold abroad" if goes_abroad else "second hand")
        self.look(life, seller, at)
        buyer = self.phone(self.other_country(seller.country) if goes_abroad else seller.country)
        for _ in range(self.dice.randint(1, 3)):
            self.look(life, buyer, at + self.dice.uniform(3, 20))
        if self.dice.random() < self.world.families:
            self.company(life, buyer, at + self.dice.uniform(3, 30), (buyer.country, buyer.city))

    def company(self, life: Life, owner: Phone, at: float, here: tuple[str, int]) -> None:
        """Let the owner and somebody beside the owner look the unit up, on one network or two."""
        self.look(life, owner, at, here=here)
        other = self.phone(here[0], here[1])
        other.home = owner.home
        self.look(life, other, at + self.dice.uniform(0, 2 * HOUR), here=here)

    def photo(self, life: Life, at: float) -> None:
        """Let strangers look a label up that is readable in a photo on a page."""
        life.causes.add("photo of the label")
        for _ in range(1 + self.count(3)):
            is_far = self.dice.random() < 0.05
            country = self.other_country(life.country) if is_far else life.country
            self.look(life, self.phone(country), at + self.dice.expovariate(1 / 10))

    def disguised(self, life: Life, at: float) -> None:
        """Let a program look the label up that nobody can tell from a person: a mail filter, for example."""
        number = self.dice.getrandbits(40)
        place = self.place_of("US", self.any_city("US"))
        life.looks.append(Look(at, f"filter {number}", f"cloud {number}", place, "UTC"))

    def look(
        self, life: Life, phone: Phone, at: float, *, here: tuple[str, int] | None = None, wifi: str = ""
    ) -> None:
        """Let a phone look the label up, and perhaps once or twice more within minutes."""
        for number in range(1 + (self.dice.random() < 0.2) + (self.dice.random() < 0.05)):
            life.looks.append(
                self.one_look(life, phone, at + number * self.dice.uniform(0, 0.2 * HOUR), here, wifi)
            )

    def one_look(self, life: Life, phone: Phone, at: float, here: tuple[str, int] | None, wifi: str) -> Look:
        """Return a look at a label: on which network, which visitor, and from which place it seems to come."""
        dice, (country, city) = self.dice, here or (phone.country, phone.city)
        is_home = here is None or here == (phone.country, phone.city)
        shown, network = country, wifi or (phone.home if is_home else f"hotel {phone.home}")
        if (
            dice.random() < 0.5
        ):  # the mobile network, whose addresses are somewhere in the country of the card
            shown = phone.country
            network = f"mobile {shown} {dice.randrange(CARRIER_PREFIXES)}"
            city = (
                self.any_city(shown)
                if dice.random() < self.world.mobile_elsewhere or shown != country
                else city
            )
            life.causes |= {"roaming"} if shown != country else set()
        elif phone.office and dice.random() < 0.3:
            shown, city, network = phone.office, 0, f"office {phone.home}"
            life.causes.add("office abroad")
        if phone.exit and dice.random() < 0.7:
            shown, city, network = phone.exit, 0, f"vpn {phone.exit} {dice.randrange(200)}"
            life.causes.add("VPN")
        if Random(f"{network} {life.sold_at}").random() < self.world.misplaced:
            shown = self.other_country(shown)
            city = self.any_city(shown)
            life.causes.add("wrong map of addresses")
        zone = (phone.clock or ZONES[country]) if phone.runs_scripts else ""
        browser = "another" if dice.random() < 0.15 else "usual"
        unknown = f"{network} {phone.model} {browser} {phone.country}"
        is_private = phone.is_private or dice.random() < 0.01
        visitor = unknown if is_private else phone.cookies.setdefault(browser, unknown)
        return Look(at, visitor, network, self.place_of(shown, city), zone)

    def phone(self, country: str, city: int | None = None) -> Phone:
        """Return the phone of somebody who lives in a country."""
        dice, world = self.dice, self.world
        return Phone(
            country,
            self.any_city(country) if city is None or city >= len(CITIES[country]) else city,
            f"home {dice.getrandbits(40)}",
            int(MODELS * dice.random() ** 3),
            dice.choice(EXITS) if dice.random() < world.vpn else "",
            dice.choice(("US", "DE", "GB", "JP")) if dice.random() < world.office else "",
            dice.random() < world.private,
            dice.random() >= world.no_script,
            ZONES[self.any_country()] if dice.random() < world.wrong_clock else "",
        )

    def place_of(self, country: str, city: int) -> Place:
        """Return what is known about a place: the country alone, if a header names it."""
        if self.world.header_only:
            return Place(country)
        return Place(country, "", cell_of(*CITIES[country][city % len(CITIES[country])]))

    def any_country(self) -> str:
        """Return a country, those with many buyers more often."""
        return self.dice.choices(list(SHARES), list(SHARES.values()))[0]

    def other_country(self, country: str) -> str:
        """Return another country."""
        return next(other for other in iter(self.any_country, "") if other != country)

    def any_city(self, country: str) -> int:
        """Return the number of a city."""
        return self.dice.randrange(len(CITIES[country]))

    def customers(self, mean: float) -> int:
        """Return how often customers of a shop look at a unit: seldom more than twice the mean."""
        return round(self.dice.gammavariate(4, mean / 4))

    def count(self, mean: float) -> int:
        """Return a number of things with this mean, a few times much larger (geometric distribution)."""
        return int(math.log(1 - self.dice.random()) / math.log(mean / (1 + mean))) if mean > 0 else 0


def draw_markets(dice: Random, *, in_one_country: bool) -> tuple[list[tuple[str, int]], int]:
    """Return 1 to 5 places where the copies of a label are sold, and how many copies there are, 2 to 300."""
    number = dice.randint(1, 5)
    copies = round(math.exp(dice.uniform(math.log(2), math.log(300))))
    if in_one_country:
        return [("CN", city) for city in dice.sample(range(len(CITIES["CN"])), number)], copies
    return [(country, 0) for country in dice.sample(list(SHARES), number)], copies
