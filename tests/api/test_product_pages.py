"""What a brand tells buyers beside its labels: texts, pictures, how to reach it."""

import io
import re
from collections.abc import Callable

import certificates_made
import make
import people_made
import pytest
from browsers_made import OURS, Browser
from certificates_made import GTIN_14, Brand
from PIL import Image
from starlette.testclient import TestClient

from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

PAGE = f"/certificates/products/{GTIN_14}"
Sign = Callable[..., Browser]
Login = Callable[..., dict[str, str]]


@pytest.fixture
def brand(workspace: Workspace) -> Brand:
    """Return a brand with a batch."""
    brand = certificates_made.brand(workspace)
    brand.issue()
    return brand


@pytest.fixture
def sign(client: TestClient, workspace: Workspace) -> Sign:
    """Return a function that signs an issuer in."""

    def sign_in(role: str = "issuer", owner: str = "acme") -> Browser:
        email = f"{role}@{owner}.example"
        people_made.person(workspace.database, email, owner=owner, roles=(role,), now=utc_now())
        browser = Browser(client)
        browser.sign_in(email)
        return browser

    return sign_in


def add(client: TestClient, browser: Browser, data: bytes, page: str = PAGE) -> str:
    """Send a picture and return where the browser is led, or the code of the refusal."""
    headers = {**OURS, "Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    answer = client.post(
        f"{page}/pictures", headers=headers, data={"form_token": ""}, files={"image": ("a.jpg", data)},
        follow_redirects=False,
    )  # fmt: skip
    found = re.search(r"<code>([a-z_.]+)</code>", answer.text)
    return found[1] if found else str(answer.headers.get("location"))


def test_buyers_see_what_the_brand_tells(client: TestClient, brand: Brand, sign: Sign) -> None:
    """Text, pictures and contact are on the page of each label, as words of the brand and not as a proof."""
    browser, code = sign(), brand.certificates()[0].code
    before = client.get(f"/c/{code}").text
    assert 'class="product-info"' not in before
    assert "What buyers see" in browser.get(f"/certificates/{brand.certificates()[0].batch_id}").text
    browser.post(f"{PAGE}/text", text="The label is <b>inside</b>.\r\nRed seam.")
    browser.post(f"{PAGE}/contact", url="https://acme.example/help?a=1", email="Help@acme.example")
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    photo = make.encode(make.picture(5, (1600, 1200)), "JPEG", exif=exif)
    assert add(client, browser, photo) == f"{PAGE}?notice=saved"
    assert add(client, browser, photo) == f"{PAGE}?notice=saved"  # the same again
    page = client.get(f"/c/{code}").text
    told = page[page.index('class="product-info"') :].partition("</section>")[0]
    assert "The label is &lt;b&gt;inside&lt;/b&gt;.\nRed seam." in told
    assert 'href="https://acme.example/help?a=1" rel="nofollow noopener noreferrer">acme.example</a>' in told
    assert 'href="mailto:help@acme.example"' in told
    (path,) = re.findall(r'<img src="([^"]+)"', told)
    picture = client.get(path)
    assert (picture.headers["content-type"], b"secret place" in picture.content) == ("image/jpeg", False)
    assert max(Image.open(io.BytesIO(picture.content)).size) == 960
    assert "immutable" in picture.headers["cache-control"]
    name = path.rpartition("/")[2]
    browser.post(f"{PAGE}/pictures/remove", picture=name)
    assert client.get(path).status_code == 404
    assert path not in client.get(f"/c/{code}").text


def test_a_product_has_three_pictures(client: TestClient, brand: Brand, sign: Sign) -> None:
    """The fourth is refused, and what is no picture, too."""
    browser = sign()
    for seed in range(3):
        assert add(client, browser, make.picture_bytes(seed)).endswith("saved")
    assert add(client, browser, make.picture_bytes(9)) == "product.pictures"
    assert add(client, browser, b"<svg onload=alert(1)>") == "image.unreadable"
    assert add(client, browser, b"") == "request.image_missing"


@pytest.mark.parametrize(
    ("url", "email", "code"),
    [
        ("javascript:alert(1)", "", "organisation.url"),
        ("http://acme.example", "", "organisation.url"),
        ("https://acme.example@evil.example/", "", "organisation.url"),
        ("https://acme.example:8443/", "", "organisation.url"),
        ("https://evil", "", "organisation.url"),
        ('https://acme.example/"onclick="', "", "organisation.url"),
        ("https://acme.example/" + "a" * 300, "", "organisation.url"),
        ("", "no address", "person.email"),
    ],
)
def test_attack_a_contact_that_is_none(brand: Brand, sign: Sign, url: str, email: str, code: str) -> None:
    """No address of a contact runs a script, hides its host or names a user. What was typed stays."""
    browser = sign()
    answer = browser.post(f"{PAGE}/contact", url=url, email=email)
    assert (answer.status_code, f"<code>{code}</code>" in answer.text) == (422, True)
    assert 'aria-invalid="true"' in answer.text
    with brand.work.database.reading() as session:
        organisation = session.get_one(type(brand.design.owner), brand.design.owner_id)
        assert (organisation.contact_url, organisation.contact_email) == ("", "")


def test_attack_a_rival_changes_the_words(client: TestClient, brand: Brand, sign: Sign) -> None:
    """A rival has no page of Acme's product, and removes none of its pictures. An analyst only looks."""
    browser = sign()
    add(client, browser, make.picture_bytes(3))
    (name,) = re.findall(r'src="/product-pictures/([^"]+)"', browser.get(PAGE).text)
    certificates_made.brand(brand.work, "rival", seed=7)
    rival = sign("issuer", "rival")
    assert rival.get(PAGE).status_code == 404
    for act in ("text", "pictures/remove"):
        assert rival.post(f"{PAGE}/{act}", picture=name, text="fake").status_code == 404
    assert add(client, rival, make.picture_bytes(4)) == "None"  # led nowhere: there is no such product
    analyst = sign("analyst")
    assert 'aria-disabled="true"' in analyst.get(PAGE).text
    assert analyst.post(f"{PAGE}/text", text="mine").status_code == 403
    assert name in browser.get(PAGE).text
    long = browser.post(f"{PAGE}/text", text="a" * 1001)
    assert (long.status_code, "a" * 1001 in long.text) == (422, True)


def test_keys_tell_what_pages_tell(client: TestClient, brand: Brand, login: Login) -> None:
    """A text, a picture and a contact by API are on the page of each label, and in the answer."""
    key, code = login("certificates:read", "certificates:issue"), brand.certificates()[0].code
    path = f"/v1/products/{GTIN_14}"
    assert client.put(path, headers=key, json={"text": "Red seam."}).json()["text"] == "Red seam."
    contact = {"url": "https://acme.example/help", "email": "help@acme.example"}
    assert client.put("/v1/contact", headers=key, json=contact).json() == contact
    files = {"image": ("a.png", make.picture_bytes(5))}
    (picture,) = client.post(f"{path}/pictures", headers=key, files=files).json()["pictures"]
    assert client.get(path, headers=key).json() == {
        "gtin": GTIN_14, "text": "Red seam.", "pictures": [picture], "contact": contact,
    }  # fmt: skip
    page = client.get(f"/c/{code}").text
    assert all(words in page for words in ("Red seam.", picture["path"], *contact.values()))
    brand.issue("r2", gtin="4006381333948")
    other = client.delete(f"/v1/products/4006381333948/pictures/{picture['id']}", headers=key)
    assert (other.status_code, other.json()["code"]) == (404, "product.picture_not_found")
    assert client.delete(f"{path}/pictures/{picture['id']}", headers=key).json()["pictures"] == []
    assert client.get(picture["path"]).status_code == 404
