"""Questions to the domain name system, with a limit of time for each."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field

import dns.exception
import dns.rdatatype
import dns.resolver
from dns.rdtypes.txtbase import TXTBase

from authcheck.errors import Unavailable
from authcheck.proofs.outside.addresses import Address

LIFETIME_S = 4.0  # for one question, with all its repetitions
MOST_RECORDS = 50


def read_system_resolver() -> dns.resolver.Resolver:
    """Return the resolver of this machine's settings. Raises Unavailable (`dns.failed`) without one."""
    try:
        return dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration as error:
        raise Unavailable("This machine has no name server.", code="dns.failed") from error


@dataclass(frozen=True, slots=True)
class Names:
    """The name servers that this machine uses. `make_resolver` returns the resolver of dnspython."""

    make_resolver: Callable[[], dns.resolver.Resolver] = read_system_resolver
    lifetime_s: float = field(default=LIFETIME_S)

    def read_txt(self, name: str) -> list[str]:
        """Return the texts of a name's TXT records, at most MOST_RECORDS. A record's parts are joined.

        A name that does not exist has none. Raises Unavailable (`dns.timeout`, `dns.failed`).
        """
        answers = self._ask(name, dns.rdatatype.TXT)[:MOST_RECORDS]
        texts = [b"".join(record.strings) for record in answers if isinstance(record, TXTBase)]
        return [text.decode("utf-8", "replace") for text in texts]

    def find_addresses(self, name: str) -> list[Address]:
        """Return the addresses of a host, IPv4 first. Raises Unavailable (`dns.timeout`, `dns.failed`)."""
        found: list[Address] = []
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            found += [
                ipaddress.ip_address(record.to_text()) for record in self._ask(name, kind)[:MOST_RECORDS]
            ]
        return found

    def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> list[dns.rdata.Rdata]:
        try:
            answer = self.make_resolver().resolve(
                f"{name}.", kind, raise_on_no_answer=False, lifetime=self.lifetime_s, search=False
            )
        except dns.resolver.NXDOMAIN:
            return []
        except dns.exception.Timeout as error:
            raise Unavailable(
                "The name servers did not answer in time. Try again later.", code="dns.timeout"
            ) from error
        except (dns.exception.DNSException, OSError) as error:
            raise Unavailable(
                "The name servers gave no answer. Try again later.", code="dns.failed"
            ) from error
        return list(answer.rrset or ())
