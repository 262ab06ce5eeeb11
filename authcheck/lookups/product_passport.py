"""A certificate as a Digital Product Passport of the United Nations (UNTP 0.6.1), from facts that we hold.

What we do not hold is left out: materials, emissions, the place of production. UNTP 0.7.0 demands the place
and a category of each product, so no passport of that version can be made from a certificate.
"""

from typing import Any

from authcheck.labels.gs1 import CODE_ATTRIBUTE, link_path
from authcheck.lookups.lookup import LookUp
from authcheck.proofs.credential import Credential

CONTEXT = ["https://www.w3.org/ns/credentials/v2", "https://test.uncefact.org/vocabulary/untp/dpp/0.6.1/"]
GTIN_SCHEME = {"type": ["IdentifierScheme"], "id": "https://id.gs1.org/01", "name": "GS1 GTIN"}


def unit_url(public_url: str, found: LookUp) -> str:
    """Return the address of a unit's page: its GS1 Digital Link with lot, and with the code if needed."""
    unit = found.unit
    code = "" if unit.serial == unit.code else f"?{CODE_ATTRIBUTE}={unit.code}"
    return f"{public_url}{link_path(unit.gtin, unit.lot, unit.serial)}{code}"


def passport_of(public_url: str, found: LookUp, signed: Credential) -> dict[str, Any]:
    """Return the passport of a unit. Nobody has signed it: it links to the signed certificate."""
    unit = found.unit
    proofs = f"{public_url}/v1/certificates/{unit.code}"
    page = unit_url(public_url, found)
    return {
        "@context": CONTEXT,
        "type": ["DigitalProductPassport", "VerifiableCredential"],
        "id": f"{proofs}/passport",
        "issuer": {"type": ["CredentialIssuer"], "id": signed.issuer, "name": unit.brand},
        "validFrom": signed.payload["validFrom"],
        "credentialStatus": signed.payload["credentialStatus"],
        "credentialSubject": {
            "type": ["ProductPassport"],
            "id": signed.id,
            "granularityLevel": "item",
            "product": {
                "type": ["Product"],
                "id": page,
                "name": unit.product,
                "registeredId": unit.gtin,
                "idScheme": GTIN_SCHEME,
                "batchNumber": unit.lot,
                "serialNumber": unit.serial,
                "furtherInformation": [
                    _link(page, "Authenticity certificate", "certificationInfo"),
                    _link(
                        f"{proofs}/credential", "The certificate as signed by its issuer", "certificationInfo"
                    ),
                    _link(f"{proofs}/bundle", "Proof that the ledger holds it", "verificationService"),
                ],
            },
        },
    }


def _link(url: str, name: str, link_type: str) -> dict[str, Any]:
    return {
        "type": ["Link"],
        "linkURL": url,
        "linkName": name,
        "linkType": f"https://ref.gs1.org/voc/{link_type}",
    }
