"""What Redis says when it cannot be used, and what to do about it. All of it may pass. Pure: errors in, errors out."""

from spar.errors import ServiceError


class BrokerFull(ServiceError):
    """Redis takes no more messages."""


_FULL = "OOM"
_TROUBLES = {
    _FULL: ("is out of memory", "Give it memory (maxmemory), or let the workers empty its queues"),
    "READONLY": ("takes no writes: it is a replica", "Name its primary, or make it one"),
    "MISCONF": ("takes no writes, since it cannot save its data", "Look into its log, and at its disk"),
    "LOADING": ("is loading its data", "Wait until it has"),
    "BUSY": ("is held up by a script", "End the script (SCRIPT KILL)"),
    "NOAUTH": ("asks for a password", "Give SPAR_BROKER_URL the password that Redis has"),
    "WRONGPASS": ("refuses our credentials", "Give SPAR_BROKER_URL the password that Redis has"),
    "NOPERM": ("does not let this user do that", "Give the user of SPAR_BROKER_URL the rights"),
}
_BY_TYPE = {
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "AuthenticationError": "WRONGPASS",
    "NoPermissionError": "NOPERM",
}
"""For a redis-py before 8, which drops the code."""
_AWAY = ("cannot be reached", "Check that Redis runs and that SPAR_BROKER_URL has its address and password")


def broker_trouble(error: BaseException) -> ServiceError:
    reply = " ".join(str(error).split()).rstrip(".")
    code = _code(error.__cause__ or error, reply)
    what, fix = _TROUBLES.get(code, _AWAY)
    kind_of_error = BrokerFull if code == _FULL else ServiceError
    return kind_of_error(f"The message broker {what}: {reply[:300]}.", f"{fix}; work resumes when it is back.")


def _code(error: BaseException, reply: str) -> str:
    """Redis's own word for it. redis-py takes those that it knows out of the text and keeps them beside it; others come
    first in the text, or within a pipeline late."""
    code = getattr(error, "status_code", None) or _BY_TYPE.get(type(error).__name__)
    return code if code in _TROUBLES else next((code for code in _TROUBLES if f"{code} " in reply), "")
