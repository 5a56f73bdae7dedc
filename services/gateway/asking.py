"""Turns a request into calls of the models, within the gateway's limits. Calls no model itself."""

import secrets
from dataclasses import dataclass

from services.gateway.errors import GatewayRefusal
from services.gateway.form import ChatForm
from services.gateway.settings import GatewaySettings
from spar.engines.base import Sampling
from spar.inference.records import InferenceRequest
from spar.inference.strategies import STRATEGIES, Strategy, TreeShape, make_strategy
from spar.method.records import Message

PREFIX = "spar:"
ALONE = f"{PREFIX}actor"
"""The model that neither judges nor searches."""
MODELS = {f"{PREFIX}{name}": kind.help for name, kind in STRATEGIES.items()}
"""The model names that clients may use, and what responds."""
_RESERVE = 0.2  # share of a deadline that is reserved for stopping what still runs and for sending the response
_MOST_RESERVE_S = (
    1.0  # two hundred searches that ended in the same moment took 0.6 to 1.3 s on two cores under a load of 5
)


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """One request, resolved. `search_s` is the deadline without the time for stopping and replying."""

    model: str
    inference: InferenceRequest
    strategy: Strategy
    deadline_s: float
    votes: int | None

    @property
    def search_s(self) -> float:
        return self.deadline_s - min(_MOST_RESERVE_S, _RESERVE * self.deadline_s)


def resolve(form: ChatForm, settings: GatewaySettings) -> GatewayRequest:
    """Raises a Refusal: 404 for an unknown model, 400 for a value above a limit."""
    if form.model not in MODELS:
        raise GatewayRefusal(
            404,
            "model_not_found",
            f"There is no model '{form.model}'.",
            f"Choose one of: {', '.join(MODELS)}.",
            param="model",
        )
    _check_choices(form)
    _check_last_turn(form)
    spar = form.spar
    budget = min(settings.budget, settings.most_budget) if spar.budget is None else spar.budget
    deadline_s = min(settings.deadline_s, settings.longest_deadline_s) if spar.deadline_s is None else spar.deadline_s
    _check("budget", budget, settings.most_budget)
    _check("deadline_s", deadline_s, settings.longest_deadline_s)
    tokens = form.max_completion_tokens or form.max_tokens or settings.response_tokens
    inference = InferenceRequest(
        messages=tuple(Message("system" if t.role == "developer" else t.role, t.text) for t in form.messages),
        sampling=Sampling(temperature=form.temperature, top_p=form.top_p, max_tokens=tokens),
        seed=secrets.randbits(62) if form.seed is None else form.seed,
        n=form.n,
        stop=form.stop,
    )
    strategy = make_strategy(
        form.model.removeprefix(PREFIX), budget, TreeShape(branch=spar.branch, keep=spar.keep, depth=spar.depth)
    )
    return GatewayRequest(form.model, inference, strategy, deadline_s, spar.votes)


def _check_choices(form: ChatForm) -> None:
    if form.n > 1 and form.model != ALONE:
        raise GatewayRefusal(
            400,
            "unsupported_parameter",
            f"`n` is {form.n}; a search finds one response.",
            f"Leave `n` out, or request several responses from the model {ALONE}.",
            param="n",
        )


def _check_last_turn(form: ChatForm) -> None:
    """Only the actor's own template can continue a reply that has begun; a refiner judges whole responses."""
    if form.messages[-1].role != "user" and form.model != ALONE:
        raise GatewayRefusal(
            400,
            "invalid_request",
            "The last of `messages` is not the user's; a search responds to a user.",
            f"End with the user's message, or use the model {ALONE}.",
            param="messages",
        )


def _check(name: str, value: float, most: float) -> None:
    if value > most:
        raise GatewayRefusal(
            400,
            "invalid_request",
            f"`spar.{name}` is {value:g}; this gateway allows {most:g}.",
            f"Ask for {most:g} or less, or start the gateway with more.",
            param=f"spar.{name}",
        )
