"""The page's files: sentences in both languages, nothing inline, no foreign host, small."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import account_pages
import design_samples
import licence_samples
import make
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from fastapi.testclient import TestClient

import api.app
from api.i18n import COUNTED, LANGUAGES
from api.pages import (
    case_reasons,
    design_rights,
    feedback,
    label_view,
    own_organisation,
    rights_review,
)
from api.pages import cases as case_pages
from api.pages import organisations as organisation_pages
from api.pages.case_view import REMARKS
from api.pages.certificate import HERE
from authcheck.cases.buyer_reports import CLAIMS as BUYER_CLAIMS
from authcheck.cases.filing import SENTENCES
from authcheck.cases.leases import SKIP_REASONS
from authcheck.cases.notices import CLAIMS
from authcheck.cases.questions import ASKED
from authcheck.cases.rulings import REASONS as REASONS_OF_DECISIONS
from authcheck.cases.rulings import RESTRICTIONS, Code
from authcheck.cases.stages import Stage
from authcheck.cases.states import State as CaseState
from authcheck.certificates.revoking import REASONS
from authcheck.checks.verdicts import VerdictCode
from authcheck.config import Settings
from authcheck.ledger.anchoring import WORDS
from authcheck.licences.design_rights import KINDS as RIGHT_KINDS
from authcheck.licences.design_rights import STATES as RIGHT_STATES
from authcheck.listings.evidence import CertificateSeen
from authcheck.listings.policies import WEIGHTS, ListingVerdict
from authcheck.lookups import slips
from authcheck.lookups.rights import IssuersRight
from authcheck.members import notifications
from authcheck.members.permissions import ROLES_OF_KIND, SCOPES, Resource, Right, Role
from authcheck.proofs.bundle import STEPS, State
from authcheck.scans.alerts import KINDS
from authcheck.scans.reported import CLAIMS as LABEL_CLAIMS

API = Path(api.app.__file__).parent
TEMPLATES = sorted((API / "templates").rglob("*.html"))
STATIC = sorted(path for path in (API / "static").iterdir() if path.suffix in {".css", ".js", ".svg"})
VENDOR = API / "static" / "vendor"
KEY = re.compile(r"""\b_\(\s*(["'].+?)[,)]""")
MAILS = [
    f"mail.{kind}.{part}"
    for kind in ("invite", "apply", "reset", "changed", "joined")
    for part in ("subject", "text")
]
MAILS += [f"mail.news.{kind}{end}" for kind in notifications.KINDS for end in ("", ".subject")]
MAILS += ["mail.news.text", "mail.news.more"]
CERTIFICATE_ENDS = {
    "view.state": [*get_args(label_view.LabelState)],
    "choice.slip.kind": [*get_args(slips.Kind)],
    "step.name": [*STEPS, "anchor"],
    "step.detail": ["off", *set(WORDS.values())],
    "step.state": [state.value for state in State],
    "said": HERE,
}
CERTIFICATE_OUTCOMES = get_args(get_type_hints(CertificateSeen)["outcome"])
ROLES = [role.value for role in Role]
REASONS_OVER = ["expired", "used", "withdrawn", "unknown"]
STATES = ["applied", "approved", "refused", "suspended"]
OUTSIDE = API.parent / "authcheck" / "proofs" / "outside"
DOMAIN_PROBLEMS = {  # that a look at a domain can meet
    code
    for name in ("pages", "resolving")
    for code in re.findall(r'code="([a-z]+\.[a-z_]+)"', (OUTSIDE / f"{name}.py").read_text())
}
SHOP_PROBLEMS = ("missing", "shared", "elsewhere", "denied")
ACCOUNT_ENDS = {  # by the beginning of the key
    "sign_in.": ["signed_out", "expired", "password_changed", "needed", "invited", "empty"],
    "account.said.": [
        *("saved", "welcome", "password", "acting", "factor_on", "factor_off", "factor_again"),
        *("session_ended", "sessions_ended"),
    ],
    "people.said.": [
        *("invited", "invited_again", "withdrawn", "roles", "removed"),
        *("key_revoked", "appointed", "ended", "organisation_added"),
    ],
    "scope.": list(SCOPES),
    "resource.": [resource.value for resource in Resource],
    "right.": [right.name.lower() for right in Right],
    "link.": ["reset", "invitation", "join", "other", "apply"],
    "shops.state.": ["claimed", "proved", "lost"],
    "shops.proved_by.": ["page", "marketplace", "operator"],
    "shops.problem.": [*(f"storefront.{end}" for end in SHOP_PROBLEMS), *DOMAIN_PROBLEMS],
    "rights.kind.": list(RIGHT_KINDS),
    "rights.state.": list(RIGHT_STATES),
    "rights.now.": ["refused", "withdrawn"],
    "rights_review.rival.": ["in_review", "accepted"],
    "rights.said.": list(design_rights.NOTICES),
    "rights_review.said.": list(rights_review.NOTICES),
    "own.standing.": STATES,
    "site.standing.": [state for state in STATES if state != "approved"],
    "own.about.": STATES,
    "own.state.": ["waiting", "proved", "lost"],
    "own.proved_by.": ["dns", "file"],
    "own.problem.": ["domain.missing", *DOMAIN_PROBLEMS],
    "own.said.": list(own_organisation.NOTICES),
    "standing.is.": STATES,
    "standing.about.": STATES,
    "standing.said.": list(organisation_pages.NOTICES),
    "standing.": ["approve", "refuse", "suspend"],
    "link_over.": REASONS_OVER,
    "link_over.about.": REASONS_OVER,
    "role.": ROLES,
    "role.about.": ROLES,
    "kind.": list(ROLES_OF_KIND),
    "kind.about.": list(ROLES_OF_KIND),
    "notices.stage.": list(Stage),
    "report.claim.": list(BUYER_CLAIMS),
    "form.scan.": ["starting", "looking", "found", "refused", "missing", "failed", "foreign"],
    "report.stage.": [stage for stage in Stage if stage not in {"refused", "not_reported"}],
    "notices.claim.": list(CLAIMS),
    "notices.about_claim.": list(CLAIMS),
    "notices.decided.": list(Code),
    "notices.asked.": [restriction for restriction in RESTRICTIONS if restriction != "none"],
    "notices.row_code.": list(SENTENCES),
    "feedback.": ["matches", "accusations"],
    "feedback.notice.": list(feedback.NOTICES),
    "certificate.step.": [*STEPS, "anchor"],
    "cases.said.": list(case_pages.NOTICES),
    "listing_verdict.": [verdict.value for verdict in ListingVerdict],
    "case.said.": list(case_pages.CASE_NOTICES),
    "decision.": [code.value for code in Code],
    "decision_reason.": [reason for reasons in REASONS_OF_DECISIONS.values() for reason in reasons],
    "restriction.": list(RESTRICTIONS),
    "restriction.asked.": list(RESTRICTIONS[1:]),
    "skip.": list(SKIP_REASONS),
    "asked.": list(ASKED),
    "remark.": list(REMARKS),
    "alike.differs.": ["picture", "verdict", "held"],
    "deciding.": ["skip", "ask", "escalate", "reverse"],
    "case_state.": [state.value for state in CaseState],
    "case_event.": list(case_reasons.EVENTS),
    "case_certificate.": [*CERTIFICATE_OUTCOMES],
    "case.number.": ["sold_30d", "stock", "rank"],
    "term.": list(case_reasons.TERMS),
    "compare.": ["blink", "onion", "swipe", "difference", "outlines", "zoom", "mirrored", "inverted"],
}
for samples in account_pages.DESK_SAMPLES:
    ACCOUNT_ENDS |= samples.ENDS
VERDICTS = [code.value for code in VerdictCode]
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
# A form with one field cannot cause these codes. The codes get the neutral sentence.
UNSEEN = {"request.too_many_images", "request.repeated", "request.not_text", "request.encoding"}
UNSEEN |= {"image.too_many_pages"}  # only registration reads all pages
UNSEEN |= {"request.not_a_flag", "request.unknown_field", "request.text_too_long", "request.too_many_parts"}


# A program meets these codes, or a page answers them with another page.
KEYS_ONLY = {
    "auth.key_revoked",
    "auth.key_unknown",
    "auth.missing",
    "auth.scope",
    "auth.session",
    "appointment.ended",
    "request.client",
}


# Codes whose sentence on the buyer's page speaks of a photo, or is not there.
FORM_CODES = ("unknown", "unavailable", "route.not_found", "appointment.ended")
FORM_CODES += ("agent.organisation.not_found", "text.unstorable")
FORM_CODES += ("request.cross_site", "request.content_type", "request.too_large")


def catalogue(locale: str) -> Catalog:
    """The sentences of one language, from its file."""
    with (API / "locales" / f"{locale}.po").open("rb") as file:
        return read_po(file, locale=locale)


def codes_raised() -> set[str]:
    """Every code with which a posted picture can be refused."""
    core = API.parent / "authcheck"
    paths = [
        *(core / "vision").glob("pictures/*.py"),
        *(core / "vision").glob("fingerprints/*.py"),
        core / "errors.py",
        API / "pages" / "buyer.py",
    ]
    paths += [
        API / f"{name}.py"
        for name in ("uploads", "places", "multipart", "spool", "middleware", "rates", "cookies")
    ]
    code = re.compile(r'code ?= ?"((?:image|request|rate|server)\.[a-z_]+)"')
    return {found for path in paths for found in code.findall(path.read_text())} - UNSEEN


def codes_of_members() -> Iterator[str]:
    """Every code with which a form of a person can be refused."""
    members = API.parent / "authcheck" / "members"
    names = ("passwords", "second_factor", "mail", "people", "invitations", "links", "joining", "signing_in")
    names += ("sessions", "api_keys", "failures", "organisations", "principals", "appointments")
    names += ("applying", "domains", "standing")
    paths = [
        OUTSIDE / "names.py",
        API.parent / "authcheck" / "licences" / "design_rights.py",
        API.parent / "authcheck" / "files" / "documents.py",
        API.parent / "authcheck" / "storage" / "documents.py",
        *(members / f"{name}.py" for name in names),
        API / "callers.py",
        API / "managed.py",
    ]
    paths += [API / "pages" / "person.py", API.parent / "authcheck" / "licences" / "appointing.py"]
    for path in paths:
        yield from set(re.findall(r'code="([a-z_]+\.[a-z_]+)"', path.read_text())) - KEYS_ONLY
    for name in ("notices", "withdrawal"):
        filing = (API.parent / "authcheck" / "cases" / f"{name}.py").read_text()
        yield from set(re.findall(r'code="(notice\.[a-z_]+)"', filing))
    yield "form.repeated"  # of api/idempotency.py, whose other codes only programs meet


def keys_of_labels() -> Iterator[str]:
    """Every sentence that the page of a label composes of a family and a code."""
    families = {
        "caution": label_view.CAUTIONS,
        "blocked": label_view.BLOCKED,
        "failed": label_view.FAILED,
        "open": label_view.OPEN,
        "fact": label_view.FACTS,
        "next": {step for steps in label_view.NEXT.values() for step in steps},
        "made": get_args(get_type_hints(IssuersRight)["by"]),
    }
    yield from (f"certificate.{family}.{end}" for family, ends in families.items() for end in ends)
    source = Path(label_view.__file__).read_text()
    yield from (f"certificate.{end}" for end in re.findall(r'gettext\(f"\{FAMILY\}\.([a-z_.]+)"', source))


def codes_of_buyer_reports() -> Iterator[str]:
    """Every code with which a buyer's report can be refused."""
    text = (API.parent / "authcheck" / "cases" / "buyer_reports.py").read_text()
    yield from set(re.findall(r'code="(report\.[a-z_]+)"', text))


def codes_of_claims() -> Iterator[str]:
    """Every code with which a claim can be refused."""
    text = (API.parent / "authcheck" / "scans" / "claims.py").read_text()
    yield from set(re.findall(r'code="(claim\.[a-z_]+)"', text)) | {"claim.pin"}


def codes_of_proposals() -> Iterator[str]:
    """Every code with which the answer to a proposed picture can be refused."""
    paths = (
        API.parent / "authcheck" / "cases" / "proposals.py",
        API.parent / "authcheck" / "registry" / "negatives.py",
    )
    for path in paths:
        codes = set(re.findall(r'code="((?:proposal|evidence|negative)\.[a-z_]+)"', path.read_text()))
        yield from codes - {"negative.not_found", "negative.label"}  # no form of a page sends a label


def codes_of_cases() -> set[str]:
    """Every code with which a form or an address of a case can be refused."""
    names = ("listing", "leases", "decisions", "questions", "rulings", "bulk")
    paths = [API.parent / "authcheck" / "cases" / f"{name}.py" for name in names]
    paths += [API / "pages" / f"{name}.py" for name in ("case_pictures", "case_view")]
    return {
        code
        for path in paths
        for code in re.findall(r'"((?:case|decision|bulk)\.[a-z_]+)"', path.read_text())
    }


def codes_of_disputes() -> set[str]:
    """Every code with which a page of disputes can be refused."""
    core = API.parent / "authcheck" / "registry"
    paths = [core / f"{name}.py" for name in ("statements", "rulings", "disputes")]
    paths += [API / "pages" / f"{name}.py" for name in ("disputes", "dispute_pictures")]
    return {code for path in paths for code in re.findall(r'code="(dispute\.[a-z_]+)"', path.read_text())}


def keys_used() -> Iterator[str]:
    """Every sentence that templates and code use. `"a." ~ x ~ ".b"` in a template stands for each verdict."""
    for path in TEMPLATES:
        for expression in KEY.findall(path.read_text()):
            ends = re.findall(r"""["']([^"']+)["']""", expression)
            if "~" in expression and ends[0] in ACCOUNT_ENDS:
                yield from ("".join([ends[0], end, *ends[1:]]) for end in ACCOUNT_ENDS[ends[0]])
            elif "~ check.verdict" in expression or "~ kind" in expression:
                yield from ("".join([ends[0], verdict, *ends[1:]]) for verdict in VERDICTS)
            elif varied := [name for name in CERTIFICATE_ENDS if f"~ {name}" in expression]:
                yield from ("".join([ends[0], end, *ends[1:]]) for end in CERTIFICATE_ENDS[varied[0]])
            elif expression.endswith("'certificate.here.real'"):
                yield "certificate.here.real"
            elif "'label_report.claim.'" in expression or '"label_report.claim."' in expression:
                continue  # see keys_used below
            elif "~ notice" in expression:
                yield from (f"{ends[0]}{notice}" for notice in ("disputed", "retired"))
            else:
                yield ends[0]
    core = API.parent / "authcheck"
    verdicts, candidates = (
        (core / "checks" / f"{name}.py").read_text() for name in ("verdicts", "candidates")
    )
    decode = (core / "vision" / "pictures" / "decode.py").read_text()
    yield from (f"reason.{code}" for code in re.findall(r'Reason\("([a-z_.]+)"', verdicts + candidates))
    yield from (f"reason.{code}" for code in re.findall(r'\("(image\.[a-z_]+)",\) if', decode))
    findability = (core / "vision" / "features" / "findability.py").read_text()
    yield from (f"warning.{code}" for code in re.findall(r'"(design\.[a-z_]+)":', findability))
    yield from (f"error.{code}" for code in codes_raised())
    yield from (f"certificate.reason.{reason}" for reason in REASONS)
    yield from keys_of_labels()
    yield "error.right.day"  # of a page's own reading
    yield from (f"error.{code}" for code in codes_of_disputes())
    yield from (f"dispute.picture.{name}" for name in ("own", "others", "earlier", "later"))
    named = (core / "cases" / "notice_rights.py").read_text()
    yield from (f"error.{code}" for code in re.findall(r'code="(notice\.[a-z_]+)"', named))
    yield from (f"shop_badge.{part}" for part in ("heading", "licensed", "owner"))
    yield from (f"reason.{code}" for code in WEIGHTS)
    yield from (f"scan_alert.{kind}" for kind in KINDS)
    yield from (f"count.{noun}.{form}" for noun in COUNTED.values() for form in ("one", "many"))
    yield from (f"case_reason.{code}" for code in case_reasons.WITH_NUMBERS)
    yield from (f"error.{code}" for code in codes_of_members())
    yield from (f"form.{code}" for code in codes_of_proposals())
    yield from (f"form.{code}" for code in codes_of_buyer_reports())
    yield from (f"form.{code}" for code in codes_of_claims())
    yield from (f"form.{code}" for samples in account_pages.DESK_SAMPLES for code in samples.CODES)
    yield from (f"file.{code}" for code in design_samples.FILE_CODES)
    yield from ("form.label_report.claim", *(f"label_report.claim.{claim}" for claim in LABEL_CLAIMS))
    yield from (f"error.{code}" for code in codes_of_cases())
    yield from licence_samples.keys()
    for path in (API / "pages").glob("*.py"):
        yield from re.findall(r'gettext\(\s*"([a-z_.]+)"', path.read_text())
    yield from (key + end for key in ("kind.", "kind.about.") for end in ROLES_OF_KIND)  # of checkboxes
    yield from ("reason.unknown", "error.unknown", "error.unavailable", "error.label.overfull")
    yield from (f"form.{code}" for code in FORM_CODES)


def test_both_languages_have_every_sentence_and_no_other() -> None:
    """No sentence is missing, empty, fuzzy or unused in either language."""
    used = {*keys_used(), *MAILS}
    for locale in ("en", "zh_Hans"):
        messages = [message for message in catalogue(locale) if message.id]
        keys = re.findall(r'^msgid "(.+)"$', (API / "locales" / f"{locale}.po").read_text(), re.MULTILINE)
        assert len(keys) == len(set(keys))
        assert {str(message.id) for message in messages} == used
        assert all(message.string and not message.fuzzy for message in messages)
        assert not catalogue(locale).obsolete


def test_translations_use_the_same_words_and_no_markup() -> None:
    """Both languages use the same placeholders, and a sentence contains no markup."""
    english, chinese = (LANGUAGES[tag].sentences for tag in ("en", "zh-Hans"))
    for key, sentence in english.items():
        assert sorted(re.findall(r"%\(\w+\)s", sentence)) == sorted(re.findall(r"%\(\w+\)s", chinese[key])), (
            key
        )
        assert not re.search(r"[<>]|&\w+;|%(?!\()", sentence + chinese[key]), key


@pytest.mark.parametrize("path", [*TEMPLATES, *STATIC], ids=lambda path: path.name)
def test_no_file_names_another_host_or_needs_inline_code(path: Path) -> None:
    """Files obey the content security policy: no inline script or style, no third party."""
    text = path.read_text().replace(SVG_NAMESPACE, "")
    assert not re.search(r"""https?:|["'(]//""", text)
    assert not re.search(r"""<style|\sstyle=|\son\w+=["']|javascript:|@import|\beval\(|innerHTML""", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)


def test_vendored_files_are_those_of_their_package() -> None:
    """Nobody changed a vendored file: its hash is the recorded one, and the script names the hash of its module."""
    packages = json.loads((VENDOR / "vendored.json").read_text())
    recorded = {name: known for package in packages for name, known in package["sha256"].items()}
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.name != "vendored.json"
    }
    assert hashes == recorded
    script = (VENDOR / "zxing-reader.js").read_text()
    assert f"`{hashes['zxing_reader.wasm']}`" in script
    assert "MIT License" in (VENDOR / "LICENSE.zxing-wasm.txt").read_text()


def test_files_stay_small(settings: Settings) -> None:
    """The page of a photo is under 50 KB with all its files, and so is a page of people who sign in.

    test_page_label.py measures the pages of labels. All files stay readable.
    """
    with TestClient(api.app.create_app(settings)) as client:
        html = len(client.post("/", files={"image": ("a.png", make.picture_bytes(3))}).content)
    files = {path.name: path.stat().st_size for path in STATIC}
    of_photo = ("site.css", "photo.css", "drop-upload.js", "qr-scan.js", "print.js", "favicon.svg")
    assert html + sum(files[name] for name in of_photo) < 50_000
    assert html + sum(files[name] for name in ("site.css", "desk.css", "favicon.svg")) < 50_000
    lines = {path.name: len(path.read_text().splitlines()) for path in STATIC}
    most = {
        "site.css": 350,
        "photo.css": 150,
        "label.css": 100,
        "desk.css": 150,
        "cases.css": 300,
        "hits.css": 100,
        "brand.css": 150,
        "licences.css": 150,
        "charts.css": 100,
        "designs.css": 150,
        "disputes.css": 50,
        "reference.css": 100,
    }
    assert {name: lines[name] for name in lines if name.endswith(".css") and lines[name] > most[name]} == {}
    scripts = {name: lines[name] for name in lines if name.endswith(".js")}
    assert {name for name in scripts if scripts[name] >= (300 if name == "verify.js" else 200)} == set()
