"""Pages of people who sign in: each renders in both languages, and forms suit people and their tools."""

import itertools
import re
from html.parser import HTMLParser

import account_pages
import pytest

from api.i18n import LANGUAGES

NAMES = sorted(account_pages.PAGES)
CASES = [(name, tag) for name in NAMES for tag in LANGUAGES]
AUTOCOMPLETE = {
    "username", "current-password", "new-password", "one-time-code", "email", "name", "organization", "off",
}  # fmt: skip


class Elements(HTMLParser):
    """The start tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep one tag."""
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, *tags: str) -> list[dict[str, str]]:
        """Return the attributes of every element with one of these tags."""
        return [attributes for tag, attributes in self.found if tag in tags]


def page(name: str, tag: str = "en") -> str:
    """Return a page."""
    return account_pages.html(name, LANGUAGES[tag])


@pytest.mark.parametrize(("name", "tag"), CASES)
def test_each_page_renders_with_every_sentence(name: str, tag: str) -> None:
    """No name is missing in a context, no key of a sentence shows, and typed text is escaped."""
    html = page(name, tag)
    language = LANGUAGES[tag]
    text = re.sub(r"<[^>]*>", " ", html)
    assert not re.search(r"\b(?:site|field|sign_in|link|set_up|role|kind|people|account|scope)\.[a-z]", text)
    assert "alert(1)" not in html or "&lt;script&gt;alert(1)" in html
    assert f'lang="{language.tag}"' in html
    headings = [int(tag[1]) for tag, _ in Elements(html).found if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))


@pytest.mark.parametrize("name", NAMES)
def test_every_input_has_its_label_and_its_purpose(name: str) -> None:
    """Each input has a label, each purpose is one that browsers and password managers know, ids are unique."""
    elements = Elements(page(name))
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {label.get("for") for label in elements.all("label")}
    for field in elements.all("input", "textarea"):
        if field.get("type") in {"hidden", "checkbox", "radio", "range"} or "hidden" in field:
            continue
        assert field["id"] in labelled
        assert field["autocomplete"] in AUTOCOMPLETE
        assert {"readonly", "disabled", "onpaste"} & set(field) <= {"readonly"}
        described = field.get("aria-describedby", "").split()
        assert set(described) <= set(ids)
        if "aria-invalid" in field:
            assert "problem" in described
    for link in elements.all("a"):
        assert not link["href"].startswith("#") or link["href"][1:] in ids


@pytest.mark.parametrize("name", NAMES)
def test_every_form_carries_its_token_and_changes_nothing_by_get(name: str) -> None:
    """A form that a page of another site sends lacks the token. Passwords never stand in an address."""
    html = page(name)
    for form in re.findall(r"<form.*?</form>", html, re.DOTALL):
        if 'role="search"' in form:
            continue
        assert re.match(r'<form[^>]* method="post"[^>]* action="/', form)
        assert 'name="form_token" value="t0ken"' in form
    assert not re.search(r'type="password"[^>]*value="[^"]', html)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("wrong")])
def test_a_problem_is_announced_and_leads_to_its_field(name: str) -> None:
    """The sentence is an alert, links to the field, and the field names it."""
    elements = Elements(page(name))
    (alert,) = [attributes for _, attributes in elements.found if attributes.get("role") == "alert"]
    assert alert["id"] == "problem"
    (link,) = [
        link["href"] for link in elements.all("a") if f'<p data-say><a href="{link["href"]}"' in page(name)
    ]
    (wrong,) = [
        field
        for field in elements.all("input", "fieldset", "textarea")
        if "problem" in field.get("aria-describedby", "").split()
    ]
    assert link == f"#{wrong['id']}"
    assert "<title>Problem: " in page(name)
    assert {"aria-invalid", "autofocus"} <= set(wrong) or wrong["class"] == "choices is-wrong"


@pytest.mark.parametrize("name", ["account wrong", "people wrong", "sign-in wrong", "reset wrong"])
def test_the_other_language_is_a_page_that_can_be_read(name: str) -> None:
    """After a refused POST, the link to the other language leads to the page, not to the address of the POST."""
    html = account_pages.html(name, LANGUAGES["en"], path="/account/password")
    pages = {"account wrong": "/account", "people wrong": "/people", "sign-in wrong": "/sign-in"}
    assert f'href="{pages.get(name, "/link/abc")}?lang=zh-Hans"' in html
