"""The links of a label by GS1's resolver standard 1.2: link types, linksets (RFC 9264), our description."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from authcheck.errors import NotFound
from authcheck.lookups.lookup import LookUp
from authcheck.lookups.product_passport import unit_url

VOCABULARY = "https://ref.gs1.org/voc/"
PREFIXES = ("gs1:", VOCABULARY, "https://gs1.org/voc/", "https://www.gs1.org/voc/")
LINKSET = "application/linkset+json"
CONTEXT = "https://ref.gs1.org/standards/resolver/linkset-context"
WHOLE = ("linkset", "all")  # `all` is the older name
PAGE = ("defaultLink", "certificationInfo")


def is_asked(request: Request) -> bool:
    """Return whether a client asks for a link of the label, and not just for its page."""
    return "linkType" in request.query_params or wants_linkset(request)


def wants_linkset(request: Request) -> bool:
    """Return whether a client asks for all links of a label."""
    asked = request.query_params.get("linkType", "")
    return asked in WHOLE or (not asked and LINKSET in request.headers.get("accept", ""))


def target_of(request: Request, public_url: str, found: LookUp) -> str | None:
    """Return where the asked link type leads, None for the page of the label itself.

    Raises NotFound (`link.type`) for a type that our labels do not have.
    """
    asked = request.query_params.get("linkType", "")
    name = asked
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    if not name or name in PAGE:
        return None
    links = links_of(public_url, found)
    if name not in links:
        raise NotFound(
            f"This label has no link of the type {asked[:80]!r}. It has: {', '.join(links)}.",
            code="link.type",
            value=asked[:80],
        )
    return str(links[name][0]["href"])


def links_of(public_url: str, found: LookUp) -> dict[str, list[dict[str, Any]]]:
    """Return the links of a unit by their type in GS1's vocabulary."""
    page, proofs = unit_url(public_url, found), f"{public_url}/v1/certificates/{found.unit.code}"
    product = found.unit.product
    pages = {"title": "Authenticity certificate", "type": "text/html", "hreflang": ["en", "zh"]}
    links: dict[str, list[dict[str, Any]]] = {
        "defaultLink": [{"href": page, "title": product}],
        "certificationInfo": [{"href": page, **pages}],
        "verificationService": [
            {"href": proofs, "title": "The outcome of each check", "type": "application/json"}
        ],
    }
    if found.bundle is not None:
        signed = {"title": "The certificate as signed by its issuer", "type": "application/vc+jwt"}
        passport = {"title": "Digital product passport", "type": "application/vc"}
        links["certificationInfo"].append({"href": f"{proofs}/credential", **signed})
        links["dpp"] = [{"href": f"{proofs}/passport", **passport}]
    return links


def link_to_linkset(found: LookUp) -> str:
    """Return the header `Link` by which the page of a label leads to all links."""
    path = unit_url("", found)
    return f'<{path}{"&" if "?" in path else "?"}linkType=linkset>; rel="linkset"; type="{LINKSET}"'


def linkset_of(public_url: str, found: LookUp) -> dict[str, Any]:
    """Return all links of a unit as a linkset."""
    anchor = unit_url(public_url, found).partition("?")[0]
    links = {f"{VOCABULARY}{name}": links for name, links in links_of(public_url, found).items()}
    return {"linkset": [{"anchor": anchor, "description": found.unit.product, **links}]}


def linkset_headers() -> Mapping[str, str]:
    """Return the headers of a linkset. Other sites may read it, as all answers of the look-up."""
    of_json = f'<{CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    return {
        "Content-Type": LINKSET,
        "Link": of_json,
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }


def description_of(public_url: str) -> dict[str, Any]:
    """Return the resolver description file: for which keys we resolve links, and where."""
    return {
        "name": "authcheck",
        "resolverRoot": public_url,
        "supportedPrimaryKeys": ["01"],
        "supportedLinkType": [{"namespace": VOCABULARY, "prefix": "gs1:"}],
        "linkTypeDefaultCanBeLinkset": False,
        "jsonLdContextLocation": CONTEXT,
    }
