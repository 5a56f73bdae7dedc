"""Extra headers of requests as a recipe may hold them: credentials only as references to the environment."""

import re
from collections.abc import Mapping

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""`${NAME}`: replaced by the environment variable's value when a request is sent."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CREDENTIAL = re.compile(r"auth|key|token|secret|cookie|password|credential", re.I)


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises ValueError for a header that cannot be sent, and for a literal credential."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a valid header name")
        if any(ord(character) < 32 for character in value):
            raise ValueError(f"the header {name} holds a control character")
        if _CREDENTIAL.search(name) and not VARIABLE.search(value):
            raise ValueError(f"the header {name} looks like a credential: write it as ${{ENVIRONMENT_VARIABLE}}")
