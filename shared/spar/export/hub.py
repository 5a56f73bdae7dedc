"""Uploads a folder to the Hugging Face Hub: creates the repository if needed, and one commit with all files.

Uses huggingface_hub, imported only here; the token comes from its usual sources (HF_TOKEN, `hf auth login`).
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
    """The destination. `endpoint` None: the default of huggingface_hub (HF_ENDPOINT)."""

    repo: str
    kind: RepoKind
    private: bool = True
    endpoint: str | None = None


def check_repo(name: str) -> str:
    """`owner/name`. Raises DataError."""
    if not _REPO.fullmatch(name) or name.count("/") != 1 or ".." in name or "--" in name:
        raise DataError(f"{name!r} is not a repository name of the hub.", "Write OWNER/NAME.")
    return name


def files_of(folder: Path) -> list[tuple[str, int]]:
    """The files to send: names and sizes in bytes."""
    return [(path.name, path.stat().st_size) for path in sorted(folder.iterdir()) if path.is_file()]


def send(folder: Path, target: Target, message: str) -> str:
    """Returns the commit's URL. Raises ServiceError if the hub refuses or cannot be reached."""
    import httpx2  # the HTTP client of huggingface_hub
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    if target.endpoint is not None and has_credential(target.endpoint):
        raise DataError(
            "The hub's URL holds a user, a password or a key.", "Set HF_TOKEN, and leave it out of --endpoint."
        )
    remember(get_token() or "")  # it may come from a file rather than from a variable known to hold a credential
    api = HfApi(endpoint=target.endpoint, library_name="spar")
    try:
        api.create_repo(target.repo, repo_type=target.kind, private=target.private, exist_ok=True)
        done = api.upload_folder(repo_id=target.repo, repo_type=target.kind, folder_path=folder, commit_message=message)
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        fix = "Set HF_TOKEN to a token with write access to it." if status in (401, 403) else "Try again later."
        raise ServiceError(f"The hub rejects {target.repo}: {str(error).splitlines()[0]}", fix) from error
    except (httpx2.TransportError, OSError, ValueError) as error:
        raise ServiceError(
            f"{target.repo} cannot be sent: {error}.", "Check the network, HF_ENDPOINT and HF_TOKEN, then try again."
        ) from error
    return str(getattr(done, "commit_url", done))
