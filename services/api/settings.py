"""The API's own settings, from the environment (SPAR_API_*); `Settings` has those of the database and the store."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from spar.errors import ServiceError
from spar.header_values import header_value

SHORTEST_TOKEN = 16


class ApiSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SPAR_API_", frozen=True, hide_input_in_errors=True)

    token: SecretStr = SecretStr("")
    """The token that every request must present. There is no default, and it cannot be switched off."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    allow_paths: bool = False
    """Whether a recipe may name models by folder: every worker then reads that path on its own host."""
    max_upload_bytes: int = 256 * 1024**2

    @field_validator("token")
    @classmethod
    def _as_clients_send_it(cls, token: SecretStr) -> SecretStr:
        return SecretStr(token.get_secret_value().strip())

    def check(self) -> None:
        """Raises ServiceError without a sufficiently long token."""
        if len(header_value("SPAR_API_TOKEN", self.token.get_secret_value())) < SHORTEST_TOKEN:
            raise ServiceError(
                f"The API has no token of at least {SHORTEST_TOKEN} characters, and does not start without one.",
                "Set SPAR_API_TOKEN, for example to what `openssl rand -hex 32` prints.",
            )
