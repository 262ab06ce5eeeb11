"""Settings, read from AUTHCHECK_* environment variables. docs/settings.md lists the same fields (tested)."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from authcheck.errors import BadSetting


class Settings(BaseSettings):
    """Everything an operator may set; every default works on a laptop with nothing else installed."""

    model_config = SettingsConfigDict(
        env_prefix="AUTHCHECK_",
        env_ignore_empty=True,  # `AUTHCHECK_DATABASE_URL=` is how compose files leave a variable out
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Annotated[
        Path, Field(description="Folder of all state: the embedded database and the pictures.")
    ] = Path(".authcheck")
    database_url: Annotated[
        str | None,
        Field(
            description="SQLAlchemy URL of another database, e.g. postgresql+psycopg://host/name.",
            repr=False,  # it holds a password
        ),
    ] = None
    max_picture_bytes: Annotated[
        int, Field(ge=1024, description="Largest picture file accepted, in bytes.")
    ] = 25 * 1024 * 1024
    max_picture_pixels: Annotated[
        int,
        Field(
            ge=1024,
            description="Largest picture accepted, in pixels (width times height), before it is decoded.",
        ),
    ] = 64_000_000
    max_import_bytes: Annotated[
        int, Field(ge=1024, description="Largest body of a bulk import over HTTP, in bytes.")
    ] = 512 * 1024 * 1024
    public_checks_per_minute: Annotated[
        int, Field(ge=1, description="Checks a minute for one anonymous address (IPv4 address or IPv6 /64).")
    ] = 30
    key_requests_per_minute: Annotated[int, Field(ge=1, description="Requests a minute for one API key.")] = (
        600
    )
    trusted_proxies: Annotated[
        str,
        Field(description="Addresses of reverse proxies whose X-Forwarded-For is believed, comma-separated."),
    ] = ""

    @property
    def url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or "sqlite:///" + quote(str(self.data_dir / "authcheck.db"), safe="/\\:")

    @property
    def pictures_dir(self) -> Path:
        """Where registered pictures lie, by SHA-256."""
        return self.data_dir / "pictures"


def load() -> Settings:
    """The settings of this process. Raises BadSetting naming the first variable that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "AUTHCHECK_" + "_".join(str(part) for part in first["loc"]).upper()
        raise BadSetting(f"{name}: {first['msg']}", name=name, detail=first["msg"]) from error
