"""Why a model of the hub cannot be had, from what the hub's client raises to what its user does."""

import pytest
from httpx2 import ConnectError, ProxyError, Request, Response
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from spar.runtime.hub import unusable

NAME = "meta-llama/Meta-Llama-3-8B-Instruct"


def answered(kind: type[HfHubHTTPError], status: int) -> HfHubHTTPError:
    request = Request("GET", f"https://huggingface.co/api/models/{NAME}")
    return kind(f"{status} Client Error.", response=Response(status, request=request))


def away() -> Exception:
    error = LocalEntryNotFoundError("Got: ConnectError: [Errno -2] Name or service not known\nAn error happened.")
    error.__cause__ = ConnectError("[Errno -2] Name or service not known")
    return error


@pytest.mark.parametrize(
    ("error", "has_token", "what", "fix"),
    [
        (answered(GatedRepoError, 401), False, "is gated, and there is no HF_TOKEN", "then set HF_TOKEN in the"),
        (
            answered(GatedRepoError, 403),
            True,
            "the account of HF_TOKEN has no access",
            f"https://huggingface.co/{NAME}",
        ),
        (answered(RepositoryNotFoundError, 401), False, "not on the hub, or it is private or gated", "set HF_TOKEN"),
        (answered(RepositoryNotFoundError, 404), True, "HF_TOKEN may not see it", "Check the name and the account"),
        (answered(RevisionNotFoundError, 404), False, "has no revision 5f0b02c", f"{NAME}/commits/main"),
        (answered(HfHubHTTPError, 401), True, "refuses the token that HF_TOKEN holds", "Correct it"),
        (away(), False, "not in this host's cache, and the hub cannot be reached: Got: ConnectError", "HTTPS_PROXY"),
        (
            ProxyError("407 Unauthorized"),
            False,
            "cannot be had from the hub: 407",
            "Check the network",
        ),
        (OSError(28, "No space left on device"), False, "No space left on device", "the free space of HF_HOME"),
    ],
)
def test_each_reason_has_its_remedy(error: Exception, has_token: bool, what: str, fix: str) -> None:
    found = unusable(f"{NAME}@5f0b02c", error, has_token)
    assert what in found.what
    assert fix in found.fix
    assert found.exit_code == 2
