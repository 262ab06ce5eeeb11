"""What each role and each scope of an API key may do: one table for keys, sessions and pages.

All rights end at the wall of the caller's own organisation. The rights of the role `operator` and of the
scope `admin` to organisations and disputes concern all organisations.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum


class Right(IntEnum):
    """A right to a resource. Each right includes the smaller ones."""

    NONE = 0
    READ = 1
    WRITE = 2
    DECIDE = 3


class Resource(StrEnum):
    """What a right is about."""

    PEOPLE = "people"  # people, invitations, API keys, appointed agents
    DESIGNS = "designs"  # designs, views, masks, backdrops, imports
    DISPUTES = "disputes"
    LICENCES = "licences"  # licences and official shops
    CERTIFICATES = "certificates"  # batches, labels, signing keys
    REVOCATIONS = "revocations"
    LISTINGS = "listings"  # checks of pictures, listings, questions about sellers
    CASES = "cases"  # of a marketplace: listings that look wrong, for moderators
    NOTICES = "notices"  # of a brand: reports of listings to marketplaces
    SCANS = "scans"  # of the own units: scans, alerts, marks, expectations
    ORGANISATIONS = "organisations"  # the members of this installation


class Role(StrEnum):
    """What a person does in an organisation."""

    ADMIN = "admin"
    RIGHTS = "rights"
    LICENSING = "licensing"
    ISSUER = "issuer"
    PROTECTOR = "protector"
    ANALYST = "analyst"
    LICENSEE = "licensee"
    AGENT = "agent"
    MODERATOR = "moderator"
    OPERATOR = "operator"


Grants = Mapping[Resource, Right]
NO, READ, WRITE, DECIDE = Right
RIGHTS: Mapping[Role, tuple[Right, ...]] = {
    # the columns are those of Resource: people, designs, disputes, licences, certificates, revocations,
    # listings, cases, notices, scans, organisations
    Role.ADMIN:     (WRITE,  WRITE,  WRITE,  WRITE,  WRITE,  WRITE,  WRITE,  WRITE,  WRITE,  WRITE,  NO),
    Role.RIGHTS:    (NO,     WRITE,  WRITE,  READ,   NO,     NO,     READ,   WRITE,  WRITE,  NO,     NO),
    Role.LICENSING: (NO,     READ,   NO,     WRITE,  READ,   NO,     READ,   NO,     NO,     READ,   NO),
    Role.ISSUER:    (NO,     READ,   NO,     READ,   WRITE,  WRITE,  NO,     NO,     NO,     WRITE,  NO),
    Role.PROTECTOR: (NO,     READ,   READ,   READ,   READ,   NO,     WRITE,  WRITE,  WRITE,  WRITE,  NO),
    Role.ANALYST:   (NO,     READ,   NO,     READ,   READ,   NO,     READ,   READ,   READ,   READ,   NO),
    Role.LICENSEE:  (NO,     READ,   NO,     WRITE,  WRITE,  WRITE,  READ,   NO,     NO,     WRITE,  NO),
    Role.AGENT:     (NO,     NO,     NO,     NO,     NO,     NO,     NO,     NO,     NO,     NO,     NO),
    Role.MODERATOR: (NO,     READ,   READ,   READ,   READ,   NO,     WRITE,  DECIDE, READ,   NO,     NO),
    Role.OPERATOR:  (READ,   READ,   DECIDE, READ,   READ,   DECIDE, READ,   READ,   READ,   NO,     WRITE),
}  # fmt: skip
MATRIX: Mapping[Role, Grants] = {
    role: dict(zip(Resource, rights, strict=True)) for role, rights in RIGHTS.items()
}
"""The rights of each role. An agent has no right in the own organisation, see `appointments`."""

ROLES_OF_KIND: Mapping[str, tuple[Role, ...]] = {
    "brand": (Role.ADMIN, Role.RIGHTS, Role.LICENSING, Role.ISSUER, Role.PROTECTOR, Role.ANALYST),
    "licensee": (Role.ADMIN, Role.LICENSEE, Role.ANALYST),
    "agent": (Role.ADMIN, Role.AGENT),
    "marketplace": (Role.ADMIN, Role.MODERATOR, Role.ANALYST),
    "operator": (Role.ADMIN, Role.OPERATOR),
}
"""The roles that people can have in an organisation, by the organisation's own roles."""

SCOPES: Mapping[str, Grants] = {
    "designs:read": {Resource.DESIGNS: READ},
    "designs:write": {Resource.DESIGNS: WRITE, Resource.DISPUTES: READ},
    "licences:read": {Resource.LICENCES: READ},
    "licences:write": {Resource.LICENCES: WRITE},
    "certificates:read": {Resource.CERTIFICATES: READ},
    "certificates:issue": {Resource.CERTIFICATES: WRITE, Resource.REVOCATIONS: WRITE},
    "listings:read": {Resource.LISTINGS: READ},
    "listings:check": {Resource.LISTINGS: WRITE},
    "disputes:read": {Resource.DISPUTES: READ},
    "disputes:write": {Resource.DISPUTES: WRITE},
    "cases:read": {Resource.CASES: READ},
    "cases:decide": {Resource.CASES: DECIDE},
    "notices:read": {Resource.NOTICES: READ},
    "notices:write": {Resource.NOTICES: WRITE},
    "scans:read": {Resource.SCANS: READ},
    "scans:write": {Resource.SCANS: WRITE},
    "people:write": {Resource.PEOPLE: WRITE},
    "admin": {Resource.ORGANISATIONS: WRITE, Resource.DISPUTES: DECIDE, Resource.REVOCATIONS: DECIDE},
}  # fmt: skip
"""The rights of each scope. `admin` is the scope of the operator's programs."""


def grants_of_roles(roles: Iterable[str]) -> Grants:
    """Return the rights of a person with these roles. Ignores roles of a later release."""
    return _unite(MATRIX[Role(role)] for role in roles if role in MATRIX)


def grants_of_scopes(scopes: Iterable[str]) -> Grants:
    """Return the rights of a key with these scopes. Ignores scopes of a later release."""
    return _unite(SCOPES[scope] for scope in scopes if scope in SCOPES)


# What an organisation may do that is not approved, or was suspended: look, manage its own people, revoke, and
# answer in disputes.
MEANWHILE: Grants = dict.fromkeys(Resource, READ) | {
    Resource.PEOPLE: WRITE,
    Resource.DISPUTES: WRITE,
    Resource.REVOCATIONS: WRITE,
    Resource.ORGANISATIONS: NO,
}


def cap(grants: Grants, *, is_approved: bool) -> Grants:
    """Return the rights that remain while an organisation is not approved: it accuses and issues nothing."""
    if is_approved:
        return grants
    return {resource: min(right, MEANWHILE[resource]) for resource, right in grants.items()}


def includes(grants: Grants, others: Grants) -> bool:
    """Return whether `grants` has every right of `others`."""
    return all(grants.get(resource, NO) >= right for resource, right in others.items())


def roles_for(kinds: Iterable[str]) -> tuple[Role, ...]:
    """Return the roles that people can have in an organisation with these roles of its own."""
    possible = {role for kind in kinds for role in ROLES_OF_KIND.get(kind, ())}
    return tuple(role for role in Role if role in possible)


def _unite(all_grants: Iterable[Grants]) -> Grants:
    united: dict[Resource, Right] = {}
    for grants in all_grants:
        for resource, right in grants.items():
            united[resource] = max(right, united.get(resource, NO))
    return united
