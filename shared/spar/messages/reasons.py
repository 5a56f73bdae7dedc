"""Why a run, a step, an attempt, a reply or a prompt ended without what it was for: each type in two sentences, what
happened and what to do. Where an error says more, its own two are shown; these stand where only a type is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spar.messages.coordinator import FailureReason
from spar.method.records import JudgmentFailure, Outcome, ReplyFailure


@dataclass(frozen=True, slots=True)
class Explanation:
    """`what` happened, and how to `fix` it: a sentence each."""

    what: str
    fix: str


NOTHING = "Nothing needs to be done."
RECIPE = "Correct what the error names in the recipe, and run it again."
LOST = "Check the run with `spar doctor RUN`, and have what is lost recomputed with --fix."

FAILURES: Mapping[FailureReason, Explanation] = {
    FailureReason.RECIPE: Explanation("The recipe cannot be run as written.", RECIPE),
    FailureReason.DATA: Explanation("Prompts or data sets cannot be read as given.", "Correct the rows it names."),
    FailureReason.CONVERSATION_TOO_LONG: Explanation(
        "A conversation does not fit into the model.", "Serve the model with a longer context, or shorten the prompts."
    ),
    FailureReason.PROMPT_REFUSED: Explanation(
        "The server takes no conversation with this content.", "Remove the prompt, or ask another server."
    ),
    FailureReason.TEMPLATE_REFUSED: Explanation(
        "The model's chat template takes no such conversation.", "Choose another model, or mend its chat template."
    ),
    FailureReason.PACKAGE_MISSING: Explanation(
        "A package is missing where the step ran.", "Install what the error names on every worker."
    ),
    FailureReason.HOME: Explanation("The run directory cannot be used.", "Choose another --dir, or mend this one."),
    FailureReason.CONFLICT: Explanation(
        "What was requested does not fit what is there by now.", "Look at the run with `spar status`, and request anew."
    ),
    FailureReason.SERVICE: Explanation(
        "Redis, PostgreSQL or the object store did not answer, or a worker fell silent.",
        "Start what is missing; the attempt is repeated.",
    ),
    FailureReason.STORE: Explanation(
        "The object store failed.", "Look at its log, its free space and its credentials, and resume the run."
    ),
    FailureReason.OBJECT_MISSING: Explanation("An object that was written is not in the store.", LOST),
    FailureReason.OBJECT_CORRUPT: Explanation("An object in the store is not what was written.", LOST),
    FailureReason.ENGINE: Explanation("What serves the model failed.", "Look at its log, mend it, and resume the run."),
    FailureReason.REQUEST_REFUSED: Explanation(
        "The server refuses the requests as they stand.", "Correct engine.* in the recipe by what the error names."
    ),
    FailureReason.MODEL_UNUSABLE: Explanation(
        "The model's files are missing or not whole.", "Fetch or save the model again, and name its folder."
    ),
    FailureReason.ENGINE_UNAVAILABLE: Explanation(
        "What serves the model cannot be reached or has died.", "Start it, and resume the run."
    ),
    FailureReason.DEADLINE_EXCEEDED: Explanation(
        "The step took longer than it may.", "Raise dispatch.deadline_s, or give the engine less at once."
    ),
    FailureReason.TRAINING: Explanation(
        "The trainer stopped without a model.", "Correct what the error names, and resume the run."
    ),
    FailureReason.TRAINER_BUSY: Explanation(
        "Another attempt still trains in this checkpoint folder.",
        "Nothing needs to be done: the step waits for it, free of charge.",
    ),
    FailureReason.TRAINING_DIVERGED: Explanation(
        "The loss or the gradients are no longer finite, or have exploded.",
        "Lower the learning rate, and resume the run from the last good checkpoint.",
    ),
    FailureReason.TRAINING_OUT_OF_MEMORY: Explanation(
        "The GPU or the host had no memory left for the training.",
        "Lower micro_batch_size or max_length, or train with LoRA or on more GPUs (`spar plan` shows what fits).",
    ),
    FailureReason.TRAINING_DISK_FULL: Explanation(
        "The checkpoint folder cannot hold what the training writes.", "Free disk space, and resume the run."
    ),
    FailureReason.TRAINING_READ_ONLY: Explanation(
        "The checkpoint folder cannot be written to.", "Make it writable, and resume the run."
    ),
    FailureReason.ACCOUNTING: Explanation(
        "Counts do not add up, which is a bug.", "Report it with the log, and check the run with `spar doctor RUN`."
    ),
    FailureReason.UNEXPECTED: Explanation(
        "An error was raised that spar does not know.", "Report it with the log; resuming the run repeats the step."
    ),
}

REPLIES: Mapping[ReplyFailure, Explanation] = {
    ReplyFailure.EMPTY: Explanation("The reply has no text.", "Look at the model's chat template and end tokens."),
    ReplyFailure.CUT_OFF: Explanation("The reply reached its limit of tokens.", "Raise max_tokens of that step."),
    ReplyFailure.UNPARSABLE: Explanation(
        "The reply does not have the required form.", "Judge with a stronger model, or simpler templates."
    ),
    ReplyFailure.TOO_LONG: Explanation(
        "The conversation does not fit into the model.", "Serve the model with a longer context."
    ),
    ReplyFailure.REFUSED: Explanation(
        "The chat template or the server takes no such conversation.", "Choose a model and a server that take it."
    ),
    ReplyFailure.UNCHANGED: Explanation(
        "The refinement repeats its parent's text.",
        "Raise the search's temperature, or refine with another model.",
    ),
}

JUDGMENTS: Mapping[JudgmentFailure, Explanation] = {
    JudgmentFailure.TIED: Explanation("The votes have no majority.", "Ask for more votes (judgment.votes)."),
    JudgmentFailure.NO_QUORUM: Explanation(
        "Too few votes can be read.", "Judge with a model that keeps to the form, or raise judgment.max_tokens."
    ),
}

OUTCOMES: Mapping[Outcome, Explanation] = {
    Outcome.CANCELLED: Explanation("The run was cancelled before it got here.", "Resume the run."),
    Outcome.ENGINE_FAILED: Explanation(
        "A step of its shard failed for good.", "Look at the errors with `spar status`, and mend the engine."
    ),
    Outcome.UNPARSABLE: Explanation(
        "No response got a quorum of votes that can be read.",
        "Judge with a model that keeps to the form of the judge prompt, choose simpler templates "
        "(`templates: compact`), or raise judgment.max_tokens where replies were cut off.",
    ),
    Outcome.REFUSED: Explanation(
        "The model's chat template, or its server, took none of its conversations.",
        "Choose a model whose chat template and server take such conversations.",
    ),
    Outcome.CONTEXT_EXCEEDED: Explanation(
        "None of its conversations fits into the model's context.",
        "Serve the model with a longer context (engine.vllm.max_model_len, or the server's own setting), or shorten "
        "the prompts.",
    ),
    Outcome.TIED: Explanation(
        "No response was judged bad, and the votes on at least one tied.", "Ask for more votes (judgment.votes)."
    ),
    Outcome.ALL_GOOD: Explanation(
        "Every response was judged good: nothing to refine.", "Bring harder prompts, or a stricter judge."
    ),
    Outcome.EQUAL_SCORES: Explanation(
        "No response scored higher than another.", "Ask for more responses or votes (generation.n, judgment.votes)."
    ),
    Outcome.UNSOLVED: Explanation(
        "No refinement passed the gate.",
        "Refine with a stronger model, or search wider (search.branch, search.depth).",
    ),
    Outcome.CONTAMINATED: Explanation(
        "The instruction that was written for it is one that evaluations ask.", "Bring prompts that no evaluation asks."
    ),
    Outcome.DUPLICATE: Explanation("An earlier pair has the same prompt.", "Bring prompts that differ."),
    Outcome.TOO_LONG: Explanation(
        "The pair is longer than the trainer takes.",
        "Raise training.actor.max_length, or lower generation.max_tokens and search.max_tokens.",
    ),
    Outcome.OVER_CAP: Explanation("There were enough pairs already.", "Raise selection.max_pairs to keep more."),
    Outcome.PAIR: Explanation("The actor learns from it.", NOTHING),
    Outcome.EXAMPLE: Explanation("The actor is fine-tuned on a response to it.", NOTHING),
    Outcome.LESSON: Explanation("The refiner is fine-tuned on its refinement.", NOTHING),
    Outcome.NOT_REACHED: Explanation("The run stopped before it got here.", "Resume the run."),
}
