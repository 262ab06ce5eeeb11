"""Settings from the environment: documented, validated, and never shown with secrets."""

import traceback
from pathlib import Path

import pytest

from authcheck.config import Settings, load
from authcheck.errors import BadSetting
from authcheck.files.setting_numbers import three_numbers

SECRET = "hunter2-secret"  # noqa: S105 - invented here
URL = f"postgresql+psycopg://app:{SECRET}@db.example/authcheck"
NUMBERS = [name for name, field in Settings.model_fields.items() if field.annotation is int]


def test_every_default_works_with_nothing_set() -> None:
    """On a laptop without other services, everything is stored in one folder."""
    settings = load()
    assert settings.data_dir == Path(".authcheck")
    assert settings.pictures_dir == Path(".authcheck/pictures")
    assert settings.url == "sqlite:///.authcheck/authcheck.db"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """Each field has a sentence on its effect."""
    description = Settings.model_fields[name].description or ""
    assert description[:1].isupper()
    assert description.endswith(".")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name in NUMBERS
        for value in ["0", "-1", "many", "1e3", "12.5"]
        if (name, value) not in {("evidence_days", "0"), ("witness_quorum", "0")}  # none kept, none asked
    ],
)
def test_a_number_that_cannot_be_used_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The error names the variable that must be changed."""
    variable = f"AUTHCHECK_{name.upper()}"
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting, match=variable) as caught:
        load()
    assert caught.value.code == "setting.invalid"
    assert caught.value.params["name"] == variable


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The variable's name is AUTHCHECK_ and the field's name in capitals."""
    monkeypatch.setenv(f"AUTHCHECK_{name.upper()}", "4096")
    assert getattr(load(), name) == 4096


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """An empty variable counts as unset, because Compose files unset variables that way."""
    monkeypatch.setenv(f"AUTHCHECK_{name.upper()}", "")
    assert load() == Settings()


def test_the_password_of_the_database_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings as text and errors about other variables do not quote the database's URL."""
    monkeypatch.setenv("AUTHCHECK_DATABASE_URL", URL)
    assert load().url == URL
    assert SECRET not in f"{load()!r} {load()}"
    monkeypatch.setenv("AUTHCHECK_MAX_PICTURE_BYTES", SECRET)
    with pytest.raises(BadSetting) as caught:
        load()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_settings_cannot_be_changed() -> None:
    """The settings of a process do not change while it runs."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().data_dir = Path("/elsewhere")  # type: ignore[misc]


@pytest.mark.parametrize("name", ["neural_mean", "neural_std"])
@pytest.mark.parametrize("value", ["0.5", "1,2", "1,2,3,4", "1,2,x", "1,,3", "1,2,nan", "1,inf,2", "[1,2,3]"])
def test_a_normalisation_is_three_numbers(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Any other value is refused at the start, not when a picture is described."""
    monkeypatch.setenv(f"AUTHCHECK_{name.upper()}", value)
    with pytest.raises(BadSetting, match=f"AUTHCHECK_{name.upper()}"):
        load()


@pytest.mark.parametrize("value", ["0,1,1", "1,-1,1"])
def test_a_deviation_is_greater_than_zero(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A deviation of zero is refused, because pictures are divided by it."""
    monkeypatch.setenv("AUTHCHECK_NEURAL_STD", value)
    with pytest.raises(BadSetting, match="greater than 0"):
        load()


def test_a_normalisation_may_have_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces after the commas are accepted."""
    monkeypatch.setenv("AUTHCHECK_NEURAL_MEAN", " 0.5, 0.25,0 ")
    assert three_numbers(load().neural_mean) == (0.5, 0.25, 0.0)


@pytest.mark.parametrize(
    "url",
    [
        "https://verify.example/a+b", "https://verify.example/a b", "https://u:secret@verify.example", "https://u@verify.example",
        "https://prüfen.example", "https://verify.example:99999", "https://verify.example:0", "https://verify.example:",
        "https://verify.example?", "https://verify.example/?a=b", "https://verify.example#", "https://", "https:///path",
        "verify.example", "ftp://verify.example", "https://-verify.example", "https://ver ify.example", "https://verify..example",
        "https://verify.example/é", "https://verify.example/../x", "https://verify.example//x", "https://verify.example/%41",
        "https://verify.example\\x", '"https://verify.example"', "https://verify.example:port", "https://[::1",
    ],
)  # fmt: skip
def test_a_public_address_that_cannot_be_is_named_at_the_start(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """The error names the variable, and never repeats a password."""
    monkeypatch.setenv("AUTHCHECK_PUBLIC_URL", url)
    with pytest.raises(BadSetting, match="AUTHCHECK_PUBLIC_URL") as caught:
        load()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["https://verify.example", "https://Verify.Example/auth", "http://127.0.0.1:8000", "http://[::1]:8000",
     "https://xn--prfen-lva.example/a/b-c_d~e.f", "http://localhost", "https://a_b.example:65535"],
)  # fmt: skip
def test_a_public_address_is_kept_as_it_is_written(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Only the last slash is dropped, so that a recorded address stays the same."""
    monkeypatch.setenv("AUTHCHECK_PUBLIC_URL", f"{url}/")
    assert load().public_url == url


def test_letters_of_a_host_are_told_as_name_servers_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A QR code has only ASCII, so the operator copies the name from the error."""
    monkeypatch.setenv("AUTHCHECK_PUBLIC_URL", "https://b\u00fccher.example")
    with pytest.raises(BadSetting, match=r"xn--bcher-kva\.example instead of b\u00fccher\.example"):
        load()


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An .env file and a systemd unit do not replace the tilde, so we do."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in {
        "DATA_DIR": "~/registry",
        "NEURAL_MODEL": "~/model.onnx",
        "LEDGER_KEY": "file:~/key",
        "DATABASE_URL": "sqlite:///~/a.db",
    }.items():
        monkeypatch.setenv(f"AUTHCHECK_{name}", value)
    settings = load()
    assert settings.data_dir == tmp_path / "registry"
    assert settings.neural_model == tmp_path / "model.onnx"
    assert settings.ledger_key == f"file:{tmp_path}/key"
    assert settings.url == f"sqlite:///{tmp_path}/a.db"


@pytest.mark.parametrize("folder", ["~nobody-of-this-name/x", "$HOME/x", '"/srv/x"', "%h/x", "caf\udce9"])
def test_a_folder_that_nobody_meant_is_refused(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """No empty registry begins in a folder that is called like a variable."""
    monkeypatch.setenv("AUTHCHECK_DATA_DIR", folder)
    with pytest.raises(BadSetting, match="AUTHCHECK_DATA_DIR"):
        load()


@pytest.mark.parametrize("name", ["CF-IPCountry: CN", "CF IPCountry", "-", "Land-Öl", "a" * 101, "X\n"])
def test_a_header_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A header that no request can have would leave every place unknown, and nobody would notice."""
    monkeypatch.setenv("AUTHCHECK_PLACE_HEADER", name)
    with pytest.raises(BadSetting, match="AUTHCHECK_PLACE_HEADER"):
        load()
    monkeypatch.setenv("AUTHCHECK_PLACE_HEADER", "CF-IPCountry")
    assert load().place_header == "CF-IPCountry"


@pytest.mark.parametrize(
    ("text", "contact"),
    [
        ("help@check.example", "mailto:help@check.example"),
        ("mailto:help@check.example", "mailto:help@check.example"),
        ("https://check.example/help/", "https://check.example/help"),
    ],
)
def test_a_contact_is_a_mail_or_a_page(monkeypatch: pytest.MonkeyPatch, text: str, contact: str) -> None:
    """The contact is a link that a page can show."""
    monkeypatch.setenv("AUTHCHECK_CONTACT", text)
    assert load().contact == contact


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "http://check.example", "Help <h@check.example>", "a@b.example?cc=x", "nobody"],
)
def test_attack_a_contact_that_is_a_script(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Anything else would be a link of our pages that does something else."""
    monkeypatch.setenv("AUTHCHECK_CONTACT", text)
    with pytest.raises(BadSetting, match="AUTHCHECK_CONTACT"):
        load()
