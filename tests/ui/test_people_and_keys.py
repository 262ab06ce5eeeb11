"""People set an installation up, join, get roles, keys and agents: in Chromium, by keyboard alone."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import people_made
import pytest
from keyboard_visits import Served, Visitor, serving, wait_until
from people_made import PASSWORD

from authcheck.config import Settings
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
MEI = "mei@acme.example"
DESK = {"viewport": {"width": 1280, "height": 844}, "locale": "en-GB"}
PHONE = {
    "viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "color_scheme": "dark", "has_touch": True,
}  # fmt: skip
Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def office(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an empty installation, and let Mei set it up: Acme, a brand, with her as its admin."""
    with serving(tmp_path_factory.mktemp("office")) as served:
        look_at_the_set_up(Visitor(chromium, served.url, "set-up-zh", **PHONE), served)
        set_up(Visitor(chromium, served.url, "set-up", **DESK), served)
        yield served


@pytest.fixture
def visit(chromium: Any, office: Served, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Return a function that lets another person visit the server."""
    visitors: list[Visitor] = []

    def open_one(**options: Any) -> Visitor:
        visitors.append(
            Visitor(chromium, office.url, f"{request.node.originalname}-{len(visitors)}", **options)
        )
        return visitors[-1]

    yield open_one
    for visitor in visitors:
        visitor.leave()


def look_at_the_set_up(ling: Visitor, office: Served) -> None:
    """A wrong code is refused in Chinese. The code of the address survives a change of the language."""
    ling.go("/")
    ling.send(".pages a")
    assert ling.path() == "/set-up"  # there is nobody who could sign in
    ling.go(office.set_up_path)
    ling.judge("zh-Hans", "这里还没有任何账户")
    code = ling.page.input_value("#code")
    ling.send("a.language")
    assert (ling.page.get_attribute("html", "lang"), ling.page.input_value("#code")) == ("en", code)
    ling.leave()


def set_up(mei: Visitor, office: Served) -> None:
    """A mistake loses nothing that was typed but the password. Afterwards Mei is signed in."""
    mei.go(office.set_up_path)
    mei.fill("#name", "Mei Chen")
    mei.fill("#email", MEI)
    mei.fill("#password", "Mei.Chen.Acme")
    mei.fill("#organisation", "Acme")
    mei.fill("#handle", "acme")
    assert mei.send() == 422
    wait_until(mei.page, "document.activeElement.id === 'password'")
    mei.judge("en", "This password is little more than your name")
    mei.fill("#password", PASSWORD)
    assert mei.send("form .button") == 200
    assert mei.path() == "/account"
    mei.judge("en", "Your account is ready.", "Mei Chen Acme", "Administrator")
    mei.go(office.set_up_path)
    assert "The first account is made only once" in mei.text()
    mei.leave()


def test_a_colleague_joins_works_and_is_removed(visit: Visit) -> None:
    """An invitation, its link, a role that is taken while its owner works, and the end."""
    mei, ling = visit(**DESK), visit(**PHONE)
    mei.sign_in(MEI, PASSWORD)
    mei.judge("en", "People and keys", "No invitation is waiting")
    link = invite(mei, "ling@acme.example", "admin")
    join(ling, link)
    mei.go("/people")
    row = mei.page.get_attribute("section:has(#people) li:has-text('ling@') input[name=person]", "value")
    mei.unfold(f"details:has(#{row}-roles) summary")
    mei.tick(f"#{row}-roles [value=admin]", f"#{row}-roles [value=analyst]")
    mei.send()
    mei.read("en", "The roles are saved.", "Analyst")

    ling.unfold("section:has(#invitations) .adding summary")
    ling.fill("#invite-email", "friend@acme.example")
    ling.tick("#invite-roles [value=admin]")
    assert ling.send("section:has(#invitations) form .button") == 403
    ling.judge("zh-Hans", "您的角色不允许此操作")
    ling.go("/people")
    assert "您的角色不允许此操作" in ling.text()

    mei.unfold(f"details:has(#{row}-roles) summary")
    mei.send(f"details:has(#{row}-roles) .danger")
    mei.read("en", "The person is removed.")
    ling.go("/people")
    ling.judge("zh-Hans", "您目前不代表任何机构")
    ling.send(".actions a")
    ling.judge("zh-Hans", "可以请机构管理员邀请您")
    ling.go(link)
    ling.judge("zh-Hans", "链接已被使用", "请直接用密码登录")


def invite(mei: Visitor, email: str, role: str) -> str:
    """Forget the roles, mend it, and return the path of the link, which stands on the page."""
    mei.unfold("section:has(#invitations) .adding summary")
    mei.fill("#invite-email", email)
    mei.fill("#invite-name", "Ling Wu")
    assert mei.send() == 422
    mei.judge("en", "Choose at least one role")
    assert mei.page.input_value("#invite-email") == email
    mei.tick(f"#invite-roles [value={role}]")
    mei.send("section:has(#invitations) form.card .button")
    mei.judge("en", f"The invitation for {email}", "send this link to the person yourself")
    address = mei.text(".once .copied")
    assert address.startswith(mei.url + "/join/")
    return address.removeprefix(mei.url)


def join(ling: Visitor, link: str) -> None:
    """Choose a bad password first. Then see the page of the organisation."""
    ling.go(link)
    ling.judge("zh-Hans", "加入 Acme", "Mei Chen 邀请您加入", "管理员")
    ling.fill("#password", "password1234")
    assert ling.send() == 422
    ling.judge("zh-Hans", "密码")
    ling.fill("#password", PASSWORD)
    assert ling.send() == 200
    ling.read("zh-Hans", "账户已就绪")
    ling.send("a[href='/people']")
    ling.read("zh-Hans", "人员与密钥", "您本人")


@pytest.mark.parametrize(
    ("look", "lang", "shown_once"),
    [(DESK, "en", "cannot show it again"), (PHONE, "zh-Hans", "以后无法再次显示")],
    ids=["en", "zh"],
)
def test_a_key_is_shown_once_and_revoked(
    visit: Visit, office: Served, look: dict[str, Any], lang: str, shown_once: str
) -> None:
    """Its token opens the API until it is revoked, and no later page shows it."""
    mei = visit(**look)
    mei.sign_in(MEI, PASSWORD)
    mei.unfold("section:has(#keys) .adding summary")
    mei.fill("#key-label", f"Shop {lang}")
    assert mei.send() == 422
    mei.read(lang, {"en": "Choose at least one thing that the key may do.", "zh-Hans": "API 密钥"}[lang])
    mei.tick("#key-scopes [value='designs:read']")
    mei.send("section:has(#keys) form.card .button")
    mei.judge(lang, shown_once)
    token = mei.text(".once .copied")
    assert status_with(office, token) == 200
    mei.go("/people")
    assert token not in mei.page.content()
    line = "section:has(#keys) li details"
    mei.unfold(f"{line} summary")
    mei.send(f"{line} .danger")
    mei.read(lang, {"en": "The key is revoked.", "zh-Hans": "密钥已吊销。"}[lang])
    assert status_with(office, token) == 401


def status_with(office: Served, token: str) -> int:
    """Return the status of /v1/me with a key."""
    asking = Request(f"{office.url}/v1/me", headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - ours
    try:
        with urlopen(asking, timeout=10) as answer:  # noqa: S310 - our own server
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_an_agent_acts_for_acme_until_acme_ends_it(visit: Visit, office: Served) -> None:
    """The head of each page says for whom the agent acts. After the end, the next click says why it fails."""
    email = "guo@guard.example"
    workspace = Workspace.open(Settings(data_dir=office.data_dir))
    people_made.person(
        workspace.database,
        email,
        owner="guard",
        kinds=("agent",),
        roles=("admin", "agent"),
        now=datetime.now(UTC),
    )
    workspace.database.dispose()
    mei, guo = visit(**DESK), visit(**PHONE)
    mei.sign_in(MEI, PASSWORD)
    mei.unfold("section:has(#agents) .adding summary")
    mei.fill("#agent-agent", "gard")
    mei.tick("#agent-scopes [value='designs:read']")
    mei.reach("#agent-ends_on")
    mei.page.keyboard.type(f"1212{datetime.now(UTC).year + 1}")  # in any order of day and month
    assert mei.send() == 404
    mei.judge("en", "No member here has this short name.")
    mei.fill("#agent-agent", "guard")
    mei.send()
    mei.read("en", "The agent is appointed.", "Guard for Acme", "All territories.")

    guo.sign_in(email, PASSWORD)
    guo.send("a[href='/account']")
    guo.judge("zh-Hans", "代表 Acme")
    guo.send("form[action='/account/act'] button")
    guo.read("zh-Hans", "身份已切换")
    assert re.fullmatch("guo Guard.代表 Acme.", guo.text(".acting"))

    mei.unfold("section:has(#agents) li summary")
    mei.send("section:has(#agents) li .danger")
    mei.read("en", "The agent can do nothing more for you.", "Ended early")
    guo.go("/people")
    guo.judge("zh-Hans", "您已不再代表该品牌", "目前不代表任何机构")
    assert guo.path() == "/people"
    guo.send(".actions a")
    guo.send("form[action='/account/act'] button")
    assert guo.text(".acting") == "guo Guard"


@pytest.mark.parametrize(
    ("look", "lang", "refusal"),
    [(DESK, "en", "Give somebody else the role first."), (PHONE, "zh-Hans", "请先把该角色授予他人。")],
    ids=["en", "zh"],
)
def test_the_last_admin_stays(visit: Visit, look: dict[str, Any], lang: str, refusal: str) -> None:
    """She can neither remove herself nor take her own role."""
    mei = visit(**look)
    mei.sign_in(MEI, PASSWORD)
    mine = "section:has(#people) li:first-child"
    mei.unfold(f"{mine} summary")
    assert mei.send(f"{mine} .danger") == 409
    mei.judge(lang, refusal)
    mei.unfold(f"{mine} summary")
    mei.tick(f"{mine} [value=admin]", f"{mine} [value=analyst]")
    assert mei.send(f"{mine} form .quiet") == 409
    mei.read(lang, refusal)


def test_the_way_back_after_the_sign_out_shows_nothing(visit: Visit) -> None:
    """The next person at this browser goes back, and forward, and sees the page to sign in."""
    mei = visit(**DESK)
    mei.sign_in(MEI, PASSWORD)
    mei.send("a[href='/account']")
    mei.send(".pages button")
    mei.read("en", "You are signed out.")
    for _ in range(2):
        mei.page.go_back()
        assert mei.path() == "/sign-in"
        assert MEI not in mei.page.content()
