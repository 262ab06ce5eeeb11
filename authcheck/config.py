"""Settings, read from AUTHCHECK_* environment variables. docs/settings.md documents every field (tested)."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from authcheck.errors import BadSetting
from authcheck.files.setting_numbers import checked_mean, checked_shares, checked_std, shares
from authcheck.files.setting_places import (
    checked_contact,
    checked_database,
    checked_header,
    checked_key,
    checked_path,
    checked_sender,
    checked_smtp,
    checked_url,
)


def _checked_smtp(url: str, info: ValidationInfo) -> str:
    if info.data.get("mail_from") is None:
        raise ValueError("a mail server needs AUTHCHECK_MAIL_FROM too, the address that its mails come from")
    return checked_smtp(url)


ChosenPath = Annotated[Path, AfterValidator(checked_path)]
Key = Annotated[str, AfterValidator(checked_key)]
Weight = Annotated[float, Field(ge=0, le=1000, description="Factor of cases of this severity.")]


def ledger_name(url: str) -> str:
    """Return the name of a ledger that begins at an address: the address without its scheme, `/ledger`."""
    return url.partition("://")[2] + "/ledger"


class Settings(BaseSettings):
    """All that an operator may set. Every default works on a laptop, with nothing else installed."""

    model_config = SettingsConfigDict(
        env_prefix="AUTHCHECK_",
        env_ignore_empty=True,  # `AUTHCHECK_DATABASE_URL=` is how compose files leave a variable out
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Annotated[
        ChosenPath, Field(description="Folder of all state: the embedded database and the pictures.")
    ] = Path(".authcheck")
    database_url: Annotated[
        Annotated[str, AfterValidator(checked_database)] | None,
        Field(
            description="SQLAlchemy URL of another database, e.g. postgresql+psycopg://host/name.",
            repr=False,  # it holds a password
        ),
    ] = None
    fast: Annotated[
        bool,
        Field(
            description="Compare hashes only, not local features. Much faster, but misses prints and crops."
        ),
    ] = False
    max_picture_bytes: Annotated[
        int, Field(ge=1024, description="Largest picture file accepted, in bytes.")
    ] = 25 * 1024 * 1024
    max_picture_pixels: Annotated[
        int,
        Field(ge=1024, description="Largest picture accepted, in pixels, before it is decoded."),
    ] = 64_000_000
    max_import_bytes: Annotated[
        int, Field(ge=1024, description="Largest body of a bulk import over HTTP, in bytes.")
    ] = 512 * 1024 * 1024
    evidence_days: Annotated[
        int,
        Field(
            ge=0,
            le=36_500,
            description="Days to keep a small copy of each submitted picture in which something was found. "
            "0 keeps none.",
        ),
    ] = 30
    evidence_max_bytes: Annotated[
        int, Field(ge=1024, description="Room for all these copies, in bytes. The oldest are removed first.")
    ] = 2 * 1024 * 1024 * 1024
    public_checks_per_minute: Annotated[
        int, Field(ge=1, description="Checks a minute for one anonymous address (IPv4 address or IPv6 /64).")
    ] = 30
    key_requests_per_minute: Annotated[int, Field(ge=1, description="Requests a minute for one API key.")] = (
        600
    )
    case_hours_high: Annotated[
        int, Field(ge=1, description="Hours for the first decision of a case of high severity.")
    ] = 24
    case_hours: Annotated[int, Field(ge=1, description="Hours for the first decision of other cases.")] = 72
    case_weight_high: Weight = 3.0
    case_weight_medium: Weight = 2.0
    case_weight_low: Weight = 1.0
    case_weight_cheap: Annotated[
        float,
        Field(ge=1, le=1000, description="Factor of a case with a price under half the licensed median."),
    ] = 1.5
    case_weight_day: Annotated[
        float, Field(gt=0, le=1000, description="What a day of waiting adds to the priority of a case.")
    ] = 0.1
    complaint_days: Annotated[
        int,
        Field(
            ge=1,
            le=36_500,
            description="Days after a decision in which complaints are possible. A case holds its evidence "
            "until then.",
        ),
    ] = 184
    session_idle_hours: Annotated[
        int,
        Field(ge=1, le=876_000, description="Hours without a request after which a person is signed out."),
    ] = 12
    session_days: Annotated[
        int, Field(ge=1, le=36_500, description="Days after which a person must sign in again in any case.")
    ] = 14
    workers: Annotated[
        int,
        Field(
            ge=1,
            description="Server processes on this machine, which count requests together. The option "
            "`serve --workers` sets it.",
        ),
    ] = 1
    max_connections: Annotated[
        int, Field(ge=16, description="Connections open at the same time, for one server process.")
    ] = 1_000
    trusted_proxies: Annotated[
        str,
        Field(description="Addresses of reverse proxies whose X-Forwarded-For we trust, comma-separated."),
    ] = ""
    places_file: Annotated[
        ChosenPath | None,
        Field(description="MMDB file that tells the country of an address, e.g. GeoLite2-City.mmdb."),
    ] = None
    place_header: Annotated[
        Annotated[str, AfterValidator(checked_header)] | None,
        Field(description="Header in which a trusted proxy names the client's country, e.g. CF-IPCountry."),
    ] = None
    public_url: Annotated[
        str,
        AfterValidator(checked_url),
        Field(
            description="The public address of this service. Labels, issuers' DIDs and the ledger's origin "
            "begin with it."
        ),
    ] = "http://127.0.0.1:8000"
    ledger_key: Annotated[
        Key | None,
        Field(
            description="The Ed25519 key that signs the ledger: file:PATH or env:NAME. By default a file "
            "in the data folder, made at first use."
        ),
    ] = None
    secrets_key: Annotated[
        Key | None,
        Field(
            description="The key that encrypts brands' private keys, PINs and second factors: file:PATH or "
            "env:NAME. By default a file in the data folder, made at first use."
        ),
    ] = None
    witnesses: Annotated[
        str,
        Field(description="Witnesses that cosign checkpoints: comma-separated pairs, vkey and address."),
    ] = ""
    witness_quorum: Annotated[
        int,
        Field(ge=0, description="How many witnesses must sign before a proof is valid. 0 requires none."),
    ] = 0
    evm_url: Annotated[
        str | None,
        Field(
            description="JSON-RPC address of the chain that anchors checkpoints. Without it there are no "
            "anchors. Needs authcheck[evm].",
            repr=False,  # it may hold a key
        ),
    ] = None
    evm_chain: Annotated[int | None, Field(ge=1, description="Number of that chain (EIP-155).")] = None
    evm_contract: Annotated[str | None, Field(description="Address of the ledger's contract there.")] = None
    evm_key: Annotated[
        Key | None,
        Field(
            description="The secp256k1 key of the account that writes anchors: file:PATH or env:NAME. By "
            "default a file in the data folder, made at first use."
        ),
    ] = None
    evm_confirmations: Annotated[
        int, Field(ge=1, description="Blocks, with its own, after which an anchor counts as confirmed.")
    ] = 12
    anchor_minutes: Annotated[
        int, Field(ge=1, description="A new checkpoint is anchored this many minutes after the last one.")
    ] = 10
    anchor_entries: Annotated[
        int, Field(ge=1, description="Anchor earlier as soon as this many entries are not anchored.")
    ] = 10_000
    clock_tolerance_hours: Annotated[
        int, Field(ge=1, description="Hours that the clock may be behind the newest ledger entry.")
    ] = 24
    licence_alert_shares: Annotated[
        str,
        AfterValidator(checked_shares),
        Field(description="Shares of a licence's cap at which its meter raises an alert, comma-separated."),
    ] = "0.8,0.95,1"
    clone_limits: Annotated[str, Field(description="Parameters of the clone rules that differ.")] = ""
    contact: Annotated[
        Annotated[str, AfterValidator(checked_contact)] | None,
        Field(description="Whom visitors ask about this service: an e-mail address or an https address."),
    ] = None
    source_url: Annotated[
        Annotated[str, AfterValidator(checked_url)] | None,
        Field(description="Where the source code that this service runs can be read."),
    ] = None
    mail_from: Annotated[
        Annotated[str, AfterValidator(checked_sender)] | None,
        Field(description="Address that mails come from, e.g. authcheck@brand.example."),
    ] = None
    smtp_url: Annotated[
        Annotated[str, AfterValidator(_checked_smtp)] | None,
        Field(
            description="Server that sends mails: smtp://user:password@host:587. Without it we print them.",
            repr=False,  # it holds a password
        ),
    ] = None
    neural_model: Annotated[
        ChosenPath | None,
        Field(description="ONNX file of a neural descriptor. Needs the extra `authcheck[neural]`."),
    ] = None
    neural_input_px: Annotated[
        int, Field(ge=16, le=4096, description="Width and height of the picture that the neural model takes.")
    ] = 288
    neural_mean: Annotated[
        str,
        AfterValidator(checked_mean),
        Field(description="Subtracted from red, green and blue in [0, 1] for the neural model."),
    ] = "0.485,0.456,0.406"
    neural_std: Annotated[
        str,
        AfterValidator(checked_std),
        Field(description="Divides red, green and blue after that, for the neural model."),
    ] = "0.229,0.224,0.225"

    @property
    def url(self) -> str:
        """Return the SQLAlchemy URL of the database."""
        return self.database_url or "sqlite:///" + quote(str(self.data_dir / "authcheck.db"), safe="/\\:")

    @property
    def pictures_dir(self) -> Path:
        """Return the folder of registered pictures."""
        return self.data_dir / "pictures"

    @property
    def index_dir(self) -> Path:
        """Return the folder of index snapshots, which can be made again from the database."""
        return self.data_dir / "index"

    @property
    def keys_dir(self) -> Path:
        """Return the folder of keys that no setting names. Never keep a backup of the database beside it."""
        return self.data_dir / "keys"

    @property
    def alert_shares(self) -> tuple[float, ...]:
        """Return the shares of a licence's cap at which its meter raises an alert, in ascending order."""
        return shares(self.licence_alert_shares)

    @property
    def ledger_origin(self) -> str:
        """Return the name of a ledger that begins at the public address: `authcheck.example/ledger`.

        A ledger keeps its first name, see `addresses.addresses_of`.
        """
        return ledger_name(self.public_url)

    @property
    def submissions_dir(self) -> Path:
        """Return the folder of working copies of submitted pictures."""
        return self.data_dir / "submissions"


def load() -> Settings:
    """Return the settings of this process.

    Raises BadSetting that names the first variable with a bad value.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "AUTHCHECK_" + "_".join(str(part) for part in first["loc"]).upper()
        detail = first["msg"].removeprefix("Value error, ")
        raise BadSetting(f"{name}: {detail}", name=name, detail=detail) from error
