"""Which network addresses a request of ours may go to: those of the public internet, and no others.

A member names an address, and our server asks it. Without this rule, a member could let our server ask the
machines beside it, or the cloud's metadata service.
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215
COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291 s2.5.5.1, deprecated


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the public internet.

    An IPv6 address that carries an IPv4 address is public if both are: the way there may end at either.
    """
    if isinstance(address, ipaddress.IPv6Address):
        embedded = _find_embedded(address)
        if embedded is not None and not is_public(embedded):
            return False
        if address.ipv4_mapped is not None or address in NAT64:
            return True  # such an address is only another spelling of the address within
        if address in LOCAL_NAT64 or address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _find_embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in NAT64 or address in COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
