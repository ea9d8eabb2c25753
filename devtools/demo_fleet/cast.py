"""Who and what the demo shows: clients, people, ad accounts. Ada and Ben are not among them: they begin the tour with nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """One person here, who has a log-in of the same key on every channel of the sandbox."""

    key: str
    name: str
    teams: tuple[str, ...]
    leads: str = ""  # the team that he leads

    @property
    def email(self) -> str:
        """The address that he logs in with."""
        return f"{self.key}@example.com"


NORTHWIND, MAUVE, KESTREL = "Northwind Outdoor", "Atelier Mauve", "Kestrel Foods"
TEAMS = (NORTHWIND, MAUVE, KESTREL)

PEOPLE = (
    Person("chiara", "Chiara Rossi", (NORTHWIND,), leads=NORTHWIND),
    Person("deniz", "Deniz Kaya", (NORTHWIND, KESTREL)),
    Person("emil", "Emil Novak", (MAUVE,), leads=MAUVE),
    Person("petra", "Petra Vogel", (MAUVE, KESTREL)),
    Person("noor", "Noor Haddad", (KESTREL,), leads=KESTREL),
)


@dataclass(frozen=True)
class AdAccount:
    """One ad account of a client, and who links it, in this order. "noor:reader": as somebody who may only report."""

    channel: str
    native_id: str
    name: str
    team: str
    people: tuple[str, ...]
    currency: str = "EUR"

    @property
    def roles(self) -> dict[str, str]:
        """Person -> role in the ad account."""
        return {key: role or "admin" for key, _, role in (one.partition(":") for one in self.people)}


ACCOUNTS = (
    AdAccount("facebook", "611420987315526", "Northwind EU", NORTHWIND, ("chiara", "deniz")),
    AdAccount("facebook", "611420987315527", "Northwind US", NORTHWIND, ("deniz",), "USD"),
    AdAccount("facebook", "734906112845093", "Atelier Mauve", MAUVE, ("emil", "petra")),
    AdAccount("facebook", "852017743196448", "Kestrel Foods", KESTREL, ("noor",)),
    AdAccount("snapchat", "2f9c7d1a-64be-4f0e-8d35-1b7a90c4e611", "Northwind EU", NORTHWIND, ("chiara", "deniz")),
    AdAccount("snapchat", "a3e815f4-0c29-47d8-9b61-5e2f3d8c7a12", "Atelier Mauve", MAUVE, ("petra",)),
    AdAccount("snapchat", "c7d24b90-8f13-4ea5-a2c6-90b1e7f45d13", "Kestrel Foods", KESTREL, ("noor", "petra")),
    AdAccount("snapchat", "e15b6a37-92d4-4c7f-b8e0-3a6c2d9f8b14", "Kestrel Snacks", KESTREL, ("noor",)),
    AdAccount("x", "18ce61n7dk2", "Northwind EU", NORTHWIND, ("deniz", "chiara:reader")),
    AdAccount("x", "18ce62p3vm8", "Atelier Mauve", MAUVE, ("emil", "petra")),
    AdAccount("x", "18ce63r9wt5", "Kestrel Foods", KESTREL, ("noor",)),
    AdAccount("x", "18ce64s1zq6", "Kestrel Snacks", KESTREL, ("noor", "deniz")),
    AdAccount("linkedin", "513400871", "Northwind EU", NORTHWIND, ("chiara",)),
    AdAccount("linkedin", "513400872", "Northwind Trade", NORTHWIND, ("chiara", "deniz")),
    AdAccount("linkedin", "514772036", "Atelier Mauve", MAUVE, ("emil", "petra")),
    AdAccount("linkedin", "515938214", "Kestrel Foods", KESTREL, ("noor", "deniz")),
    AdAccount("pinterest", "549757318204", "Northwind EU", NORTHWIND, ("chiara", "deniz")),
    AdAccount("pinterest", "549757442917", "Atelier Mauve", MAUVE, ("emil",)),
    AdAccount("pinterest", "549757560388", "Atelier Mauve Home", MAUVE, ("petra",)),
    AdAccount("pinterest", "549757681245", "Kestrel Kitchen", KESTREL, ("noor",)),
    AdAccount("tiktok", "7051834290617745409", "Northwind EU", NORTHWIND, ("deniz", "chiara")),
    AdAccount("tiktok", "7052960183745216514", "Atelier Mauve", MAUVE, ("petra", "emil")),
    AdAccount("tiktok", "7054071926384107521", "Kestrel Foods", KESTREL, ("noor", "deniz")),
    AdAccount("tiktok", "7055182739465018370", "Kestrel Snacks", KESTREL, ("noor",)),
)  # fmt: skip

# Brought in by import, as accounts from before are: one with two strangers and unknown dates, one that nobody has linked yet.
STRANGERS = {"olga": "Olga Brandt", "sam": "Sam Whitaker"}
IMPORTED = (
    AdAccount("pinterest", "549757795516", "Kestrel Deli", KESTREL, ("olga", "sam")),
    AdAccount("facebook", "961350284470917", "Kestrel Foods UK", KESTREL, (), "GBP"),
)
