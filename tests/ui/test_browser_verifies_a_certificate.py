"""A certificate's page in Chromium: the browser verifies it, or says that it cannot."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from bundle_made import World

from authcheck.proofs import bundle as bundles
from authcheck.proofs.bundle import Bundle, Report
from authcheck.proofs.trust import Trust

pytestmark = pytest.mark.ui
Open = Callable[..., Any]
Case = tuple[str, Bundle, Trust, Report]

HERE = Path(__file__).parent
CONTRASTS = (HERE / "contrast.js").read_text()
VERIFY = """async ([bundle, trust]) => {
  const { verify } = await import("/static/verify.js");
  return verify(bundle, trust);
}"""


def arguments(test: Any) -> Iterator[dict[str, Any]]:
    """Return the arguments of each run of a parametrised test."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    assert all("," not in mark.args[0] for mark in marks)
    for values in product(*(mark.args[1] for mark in marks)):
        yield dict(zip((mark.args[0] for mark in marks), values, strict=True))


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Return every bundle that tests/unit/proofs/test_bundle.py verifies, with Python's result."""
    spec = importlib.util.spec_from_file_location(
        "bundle_attacks", HERE.parent / "unit" / "proofs" / "test_bundle.py"
    )
    assert spec is not None
    assert spec.loader is not None
    attacks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(attacks)
    seen: list[Case] = []
    verify = bundles.verify

    with pytest.MonkeyPatch.context() as patch:
        for name, test in vars(attacks).items():
            if name.startswith("test_") and "world" in test.__code__.co_varnames[: test.__code__.co_argcount]:
                if {"tmp_path", "capsys"} & set(test.__code__.co_varnames):
                    continue

                def noted(bundle: Bundle, trust: Trust, now: Any, name: str = name) -> Report:
                    seen.append((name, bundle, trust, verify(bundle, trust, now)))
                    return seen[-1][3]

                patch.setattr(bundles, "verify", noted)
                for words in arguments(test):
                    test(World(), **words)
    assert len(seen) > 50
    return seen


def test_the_browser_says_what_python_says(open_page: Open, site: Any, cases: list[Case]) -> None:
    """Each attack fails in Chromium at the same step as in Python, and each good bundle is good."""
    page = open_page(f"/c/{site.labels['missing']}")
    for name, bundle, trust, report in cases:
        told = page.evaluate(VERIFY, [bundle.to_json(), trust.to_json()])
        expected = [(step.name, step.state.value) for step in report.steps]
        assert [(step["name"], step["state"]) for step in told["steps"]] == expected, name
        assert told["outcome"] == report.outcome, name
        if report.failed is not None:
            assert next(step["code"] for step in told["steps"] if "code" in step) == report.failed.code, name


@pytest.mark.parametrize("broken", [{}, {"v": 1}, {"certificate": 7}, None, []])
def test_what_is_no_bundle_is_not_true(open_page: Open, site: Any, broken: Any) -> None:
    """The browser accepts nothing but a bundle as valid."""
    page = open_page(f"/c/{site.labels['missing']}")
    assert page.evaluate(VERIFY, [broken, World().trust().to_json()])["outcome"] == "not_true"


def said(page: Any) -> str:
    """Return the browser's text about its own verification."""
    page.wait_for_selector("verified-here:not([hidden])")
    return str(page.text_content("verified-here"))


@pytest.mark.parametrize(
    ("state", "heading", "words"),
    [
        ("good", "Verified", "Verified in your browser as well"),
        ("revoked", "Revoked", "revoked"),
        ("moved", "Verified", "Verified in your browser as well"),
    ],
)
def test_the_page_verifies_by_itself(
    open_page: Open, site: Any, state: str, heading: str, words: str
) -> None:
    """The server's answer is shown at once. The browser's own answer follows.

    `moved` was issued after the service moved to another address, the other labels before.
    """
    page = open_page(f"/c/{site.labels[state]}")
    assert page.text_content("h1") == heading
    assert words in said(page)
    assert page.get_attribute("verified-here", "outcome") == {"moved": "good"}.get(state, state)


def test_attack_the_server_says_verified_and_the_proof_is_false(open_page: Open, site: Any) -> None:
    """The browser notices a proof that was changed on its way."""
    page = open_page()
    page.route("**/bundle", lambda route: route.fulfill(json=changed(route.fetch().json())))
    page.goto(f"{site.url}/c/{site.labels['good']}")
    assert "something that is not true" in said(page)


def changed(bundle: dict[str, Any]) -> dict[str, Any]:
    """Return the bundle with another time in its entry."""
    return {**bundle, "entry": bundle["entry"].replace("12:00:00", "12:00:01")}


def test_attack_a_good_proof_of_another_certificate(open_page: Open, site: Any) -> None:
    """The proof of one label does not verify another label."""
    good = open_page(f"/c/{site.labels['good']}").evaluate(
        "(path) => fetch(path).then((a) => a.text())", f"/v1/certificates/{site.labels['good']}/bundle"
    )
    page = open_page()
    page.route("**/bundle", lambda route: route.fulfill(json=json.loads(good)))
    page.goto(f"{site.url}/c/{site.labels['revoked']}")
    assert "something that is not true" in said(page)


def test_a_browser_without_ed25519_says_so(open_page: Open, site: Any) -> None:
    """A browser that cannot verify says so."""
    page = open_page()
    page.add_init_script("SubtleCrypto.prototype.generateKey = () => Promise.reject(new Error('unknown'))")
    page.goto(f"{site.url}/c/{site.labels['good']}")
    assert "cannot verify such signatures" in said(page)


def test_a_proof_that_does_not_arrive_is_told(open_page: Open, site: Any) -> None:
    """If the network fails after the page has loaded, the server's answer stays, marked as the server's."""
    page = open_page()
    page.route("**/trust.json*", lambda route: route.fulfill(status=429, body=""))
    page.goto(f"{site.url}/c/{site.labels['good']}")
    assert "did not reach your browser" in said(page)


def test_without_javascript_the_answer_stands(open_page: Open, site: Any) -> None:
    """Without JavaScript the page shows everything but the browser's own result."""
    page = open_page(f"/c/{site.labels['good']}", java_script_enabled=False)
    assert page.text_content("h1") == "Verified"
    assert not page.is_visible("verified-here")
    assert not page.is_visible("text=Signed by the brand's key")
    page.click("summary")
    assert page.is_visible("text=Signed by the brand's key")


@pytest.mark.parametrize("state", ["good", "revoked", "unsigned", "missing"])
@pytest.mark.parametrize("lang", ["en", "zh-Hans"])
def test_at_320_px(open_page: Open, site: Any, state: str, lang: str) -> None:
    """Nothing scrolls sideways, the verdict is visible, and every control is at least 44 px high."""
    page = open_page(
        f"/c/{site.labels[state]}?lang={lang}",
        viewport={"width": 320, "height": 568},
        is_mobile=True,
        has_touch=True,
    )
    if state in {"good", "revoked"}:
        said(page)
        page.click("summary")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert page.evaluate("document.querySelector('h1').getBoundingClientRect().bottom < innerHeight")
    heights = "[...document.querySelectorAll('a:not(.skip), button, summary')].filter((one) => !one.hidden).map((one) => one.clientHeight)"
    assert min(page.evaluate(heights)) >= 44


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(open_page: Open, site: Any, scheme: str) -> None:
    """Every text has a contrast of 4.5:1 or more, for every outcome and in both colour schemes."""
    page = open_page(f"/c/{site.labels['good']}", color_scheme=scheme, reduced_motion="reduce")
    said(page)
    page.click("summary")
    worst = []
    tones = ("verified", "revoked", "careful", "cannot_tell")
    for tone, outcome in zip(tones, ("good", "revoked", "not_true", "unknown"), strict=True):
        page.evaluate(
            """([tone, outcome]) => {
              document.querySelector('.answer').className = `answer label ${tone}`;
              document.querySelector('verified-here').setAttribute('outcome', outcome);
            }""",
            [tone, outcome],
        )
        worst += page.evaluate(CONTRASTS)
    assert len(worst) > 50
    assert [one for one in worst if one["ratio"] < 4.5] == []
