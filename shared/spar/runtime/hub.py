"""Models of the Hugging Face Hub: fetches one, or says why it cannot be had and what its user does about it."""

from pathlib import Path

from spar.errors import ModelUnusable

TOKEN = "HF_TOKEN"
ON_WORKERS = f"set {TOKEN} in the environment of every process that loads models"


def from_hub(identifier: str) -> Path:
    """The files of `ORG/NAME@REVISION` on this host. Blocks; raises ModelUnusable."""
    from httpx2 import HTTPError
    from huggingface_hub import get_token, snapshot_download

    name, _, revision = identifier.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision))
    except (OSError, ValueError, HTTPError) as error:  # the client passes on what its HTTP library raises at a proxy
        raise unusable(identifier, error, has_token=get_token() is not None) from error


def unusable(identifier: str, error: Exception, has_token: bool) -> ModelUnusable:
    """What the hub's client raised, as one who named the model can act on it."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name, _, revision = identifier.partition("@")
    match error:
        case GatedRepoError():  # before RepositoryNotFoundError, which it is too
            return _gated(name, has_token)
        case RepositoryNotFoundError():
            return _not_found(name, has_token)
        case RevisionNotFoundError():
            fix = f"Take a commit's hash or a tag from https://huggingface.co/{name}/commits/main."
            return ModelUnusable(f"hub:{name} has no revision {revision}.", fix)
        case HfHubHTTPError() if error.response.status_code == 401:
            return ModelUnusable(f"The hub refuses the token that {TOKEN} holds.", f"Correct it: {ON_WORKERS}.")
        case LocalEntryNotFoundError():
            return ModelUnusable(
                f"hub:{identifier} is not in this host's cache, and the hub cannot be reached: {_one_line(error)}.",
                "Check the network (HF_HUB_OFFLINE, HTTPS_PROXY), or give the model's folder.",
            )
        case _:
            return ModelUnusable(
                f"hub:{identifier} cannot be had from the hub: {_one_line(error)}.",
                "Check the network and the free space of HF_HOME, or give the model's folder.",
            )


def _gated(name: str, has_token: bool) -> ModelUnusable:
    accept = f"Accept the model's terms at https://huggingface.co/{name}"
    if has_token:
        return ModelUnusable(
            f"hub:{name} is gated, and the account of {TOKEN} has no access.",
            f"{accept} with that account, or give the model's folder.",
        )
    return ModelUnusable(f"hub:{name} is gated, and there is no {TOKEN}.", f"{accept}, then {ON_WORKERS}.")


def _not_found(name: str, has_token: bool) -> ModelUnusable:
    if has_token:
        what = f"hub:{name} is not on the hub, or the account of {TOKEN} may not see it."
        return ModelUnusable(what, "Check the name and the account, or give the model's folder.")
    what = f"hub:{name} is not on the hub, or it is private or gated: there is no {TOKEN}."
    return ModelUnusable(what, f"Check the name; for a private model {ON_WORKERS}.")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
