"""The gateway's settings, from the environment (SPAR_GATEWAY_*) or from `spar serve`."""

from typing import Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from spar.errors import RecipeError, ServiceError
from spar.header_values import header_value
from spar.method.defaults import FULL_TREE, REFINEMENT_TOKENS, REPLY_TOKENS, VOTES

SHORTEST_TOKEN = 16


class GatewaySettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SPAR_GATEWAY_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    actor: str = ""
    """URL[#NAME] of an OpenAI-compatible server, builtin:story/actor, or a model's directory."""
    refiner: str = ""
    token: SecretStr = SecretStr("")
    """The token that every request must present. It cannot be switched off."""
    host: str = "127.0.0.1"
    port: int = Field(default=8100, ge=0, le=65535)

    templates: str | None = None
    """The refiner's forms: spar, compact, or a folder. None: compact for the built-in models, spar for all others."""
    votes: int = Field(default=VOTES, gt=0)
    judge_tokens: int = Field(default=REPLY_TOKENS, gt=0)
    refine_tokens: int = Field(default=REFINEMENT_TOKENS, gt=0)
    response_tokens: int = Field(default=REPLY_TOKENS, gt=0)
    """The actor's default, where a request has none."""
    send_seed: bool = True
    """Whether servers receive seeds."""
    body: dict[str, Any] = {}
    """Additional fields of every request to the servers; in the environment as JSON."""
    headers: dict[str, str] = {}
    """Additional headers of every request to the servers; a credential as ${VARIABLE} of the environment."""

    budget: int = Field(default=FULL_TREE, gt=0)
    """Refinements per request, where it does not set them."""
    most_budget: int = Field(default=64, gt=0)
    """The maximum that a request may set."""
    deadline_s: float = Field(default=60.0, gt=0)
    """Seconds per request, where it does not set them."""
    longest_deadline_s: float = Field(default=600.0, gt=0)

    running: int = Field(default=64, gt=0)
    """Requests processed at the same time."""
    waiting: int = Field(default=256, ge=0)
    """Requests that wait for a place; further ones are refused (429)."""
    window: int = Field(default=512, gt=0)
    """Requests in flight at each server; sequences decoded together in this process."""
    heartbeat_s: float = Field(default=5.0, gt=0)
    """A stream is never silent for longer."""
    max_request_bytes: int = Field(default=4 * 1024**2, gt=0)

    @field_validator("token")
    @classmethod
    def _as_clients_send_it(cls, token: SecretStr) -> SecretStr:
        return SecretStr(token.get_secret_value().strip())

    def check(self) -> None:
        """Raises RecipeError without two models, ServiceError without a sufficiently long token."""
        self.check_models()
        if len(header_value("SPAR_GATEWAY_TOKEN", self.token.get_secret_value())) < SHORTEST_TOKEN:
            raise ServiceError(
                f"The gateway has no token of at least {SHORTEST_TOKEN} characters, and does not start without one.",
                "Set SPAR_GATEWAY_TOKEN, for example to what `openssl rand -hex 32` prints.",
            )

    def check_models(self) -> None:
        for role, place in (("actor", self.actor), ("refiner", self.refiner)):
            if not place:
                raise RecipeError(
                    f"The gateway has no {role}.",
                    f"Give --{role} (or SPAR_GATEWAY_{role.upper()}): http://HOST:PORT/v1#NAME, a model's directory,"
                    f" or builtin:story/{role}.",
                )
