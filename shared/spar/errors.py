"""The project's errors, in one small tree. Every message says what happened and what to do next.

    SparError
    ├── RecipeError         a recipe that cannot be run as written
    ├── DataError           prompts, responses or data sets that cannot be read as given
    │   ├── ConversationTooLong one conversation that does not fit into the model's context; others may
    │   ├── PromptRefused       one conversation whose content a server does not take
    │   └── TemplateRefused     a model's chat template that does not take a conversation
    ├── PackageMissing      an optional package that the command needs is not installed
    ├── HomeError           a run directory that cannot be used
    ├── ConflictError       the request does not fit the present state
    ├── ServiceError        Redis, PostgreSQL or the object store is missing or refuses us
    ├── StoreError          the object store
    │   └── ObjectLost          a stored object is missing or damaged; `key` names it
    │       ├── ObjectMissing
    │       └── ObjectCorrupt
    ├── EngineError         what serves a model
    │   ├── RequestRefused      a server refuses a request as it stands; another one it may accept
    │   ├── ModelUnusable       the model's files are missing or not what they should be
    │   ├── EngineUnavailable   unreachable or dead: a retry elsewhere or later may succeed
    │   └── DeadlineExceeded    took longer than it was allowed
    ├── TrainingError       a training that ended without a model
    │   ├── TrainerBusy         an earlier attempt of the same training still runs in its folder
    │   ├── TrainingDiverged    the loss or the gradients are no numbers any more, or have exploded
    │   ├── TrainingOutOfMemory a GPU or the host had no memory left for it
    │   ├── TrainingDiskFull    its folder cannot hold what it writes
    │   └── TrainingReadOnly    its folder cannot be written to
    └── AccountingError     counts that do not add up: a bug, never to be ignored

No message holds a credential, or a character that no table takes: it is cleaned where the error is made. This file
knows nothing else of the project.
"""

from spar.redaction import redact
from spar.texts import storable

BUG = "This is a bug in spar: report it with the log. What is done is kept; check the run with `spar doctor RUN`."


class SparError(Exception):
    """Base of everything we raise on purpose.

    Args:
        what: what happened, in one sentence.
        fix: what the reader does next; shown after the message.
    """

    exit_code = 1
    may_pass = False
    """Whether the same work may succeed later, with nothing changed in it."""

    def __init__(self, what: str, fix: str = "") -> None:
        self.what = storable(redact(what))
        self.fix = storable(redact(fix))
        super().__init__(self.what, self.fix)

    def __str__(self) -> str:
        return f"{self.what} {self.fix}".strip()


class RecipeError(SparError):
    exit_code = 2


class DataError(SparError):
    exit_code = 2


class ConversationTooLong(DataError):
    pass


class PromptRefused(DataError):
    pass


class TemplateRefused(DataError):
    pass


class PackageMissing(SparError):
    exit_code = 2


class HomeError(SparError):
    exit_code = 2


class ConflictError(SparError):
    exit_code = 2


class ServiceError(SparError):
    exit_code = 3
    may_pass = True


class StoreError(SparError):
    exit_code = 3


class ObjectLost(StoreError):
    """`key`: the object's, so that the step that produced it can be found and recomputed."""

    def __init__(self, what: str, fix: str = "", key: str = "") -> None:
        super().__init__(what, fix)
        self.key = key


class ObjectMissing(ObjectLost):
    pass


class ObjectCorrupt(ObjectLost):
    pass


class EngineError(SparError):
    exit_code = 3


class RequestRefused(EngineError):
    pass


class ModelUnusable(EngineError):
    exit_code = 2


class EngineUnavailable(EngineError):
    pass


class DeadlineExceeded(EngineError):
    pass


class TrainingError(SparError):
    pass


class TrainerBusy(TrainingError):
    pass


class TrainingDiverged(TrainingError):
    exit_code = 2


class TrainingOutOfMemory(TrainingError):
    exit_code = 3


class TrainingDiskFull(TrainingError):
    exit_code = 3


class TrainingReadOnly(TrainingError):
    exit_code = 3


class AccountingError(SparError):
    """A bug: what to do is the same for all."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what, fix or BUG)
