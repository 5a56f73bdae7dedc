"""What Redis says when it cannot be used, and what to do about it. All of it may pass. Pure: errors in, errors out."""

from spar.errors import ServiceError


class BrokerFull(ServiceError):
    """Redis takes no more messages."""


_FULL = "OOM "
_TROUBLES = {
    _FULL: ("is out of memory", "Give it memory (maxmemory), or let the workers empty its queues"),
    "READONLY": ("takes no writes: it is a replica", "Name its primary, or make it one"),
    "MISCONF": ("takes no writes, since it cannot save its data", "Look into its log, and at its disk"),
    "LOADING": ("is loading its data", "Wait until it has"),
    "BUSY ": ("is held up by a script", "End the script (SCRIPT KILL)"),
    "NOAUTH": ("asks for a password", "Give SPAR_BROKER_URL the password that Redis has"),
    "WRONGPASS": ("refuses our credentials", "Give SPAR_BROKER_URL the password that Redis has"),
    "NOPERM": ("does not let this user do that", "Give the user of SPAR_BROKER_URL the rights"),
}
_AWAY = ("cannot be reached", "Check that Redis runs and that SPAR_BROKER_URL has its address and password")


def broker_trouble(error: BaseException) -> ServiceError:
    said = " ".join(str(error).split()).rstrip(".")
    # redis-py leaves out the code of some errors and has a type for those; within a pipeline it comes late in the text.
    kind = type(error.__cause__ or error).__name__
    by_type = {"OutOfMemoryError": _FULL, "ReadOnlyError": "READONLY", "BusyLoadingError": "LOADING"}
    code = by_type.get(kind) or next((code for code in _TROUBLES if code in said), "")
    what, fix = _TROUBLES.get(code, _AWAY)
    kind_of_error = BrokerFull if code == _FULL else ServiceError
    return kind_of_error(f"The message broker {what}: {said[:300]}.", f"{fix}; work resumes when it is back.")
