"""Sends a folder to the Hugging Face hub: makes the repository if need be, and one commit with all files.

huggingface_hub does it, imported only here; the token comes from its own places (HF_TOKEN, `hf auth login`).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spar.errors import DataError, ServiceError
from spar.redaction import has_credential, remember

RepoKind = Literal["dataset", "model"]
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes. `endpoint` None is the hub that huggingface_hub knows (HF_ENDPOINT)."""

    repo: str
    kind: RepoKind
    private: bool = True
    endpoint: str | None = None


def check_repo(name: str) -> str:
    """`owner/name`. Raises DataError."""
    if not _REPO.fullmatch(name) or name.count("/") != 1 or ".." in name or "--" in name:
        raise DataError(f"{name!r} is no repository of the hub.", "Write OWNER/NAME.")
    return name


def files_of(folder: Path) -> list[tuple[str, int]]:
    """What would be sent: names and bytes."""
    return [(path.name, path.stat().st_size) for path in sorted(folder.iterdir()) if path.is_file()]


def send(folder: Path, target: Target, message: str) -> str:
    """Returns the commit's address. Raises ServiceError for whatever the hub or the way there refuses."""
    import httpx2  # what huggingface_hub speaks with
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    if target.endpoint is not None and has_credential(target.endpoint):
        raise DataError(
            "The hub's URL holds a user, a password or a key.", "Set HF_TOKEN, and leave it out of --endpoint."
        )
    remember(get_token() or "")  # it may come from a file, where no variable shows that it is a credential
    api = HfApi(endpoint=target.endpoint, library_name="spar")
    try:
        api.create_repo(target.repo, repo_type=target.kind, private=target.private, exist_ok=True)
        done = api.upload_folder(repo_id=target.repo, repo_type=target.kind, folder_path=folder, commit_message=message)
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        fix = "Set HF_TOKEN to a token that may write there." if status in (401, 403) else "Try again later."
        raise ServiceError(f"The hub refuses {target.repo}: {str(error).splitlines()[0]}", fix) from error
    except (httpx2.TransportError, OSError, ValueError) as error:
        raise ServiceError(
            f"{target.repo} cannot be sent: {error}.", "Check the network, HF_ENDPOINT and HF_TOKEN, then try again."
        ) from error
    return str(getattr(done, "commit_url", done))
