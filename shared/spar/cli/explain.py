"""`spar explain`: every step that a prompt went through, and its outcome."""

from rich.text import Text

from spar.cli.console import out
from spar.cli.history import DirOption, PromptArgument, RunArgument, histories
from spar.method.records import JudgedPrompt, JudgedResponse, Outcome, Tree
from spar.recipes.init import iteration_name
from spar.report.history import PromptHistory, StepFact

MEANING = {
    Outcome.CANCELLED: "the run was cancelled before it got here",
    Outcome.ENGINE_FAILED: "a step of its shard failed for good",
    Outcome.UNPARSABLE: "no response got a quorum of votes that can be read",
    Outcome.REFUSED: "the model's chat template, or its server, took none of its conversations",
    Outcome.CONTEXT_EXCEEDED: "none of its conversations fits into the model's context",
    Outcome.TIED: "no response was judged bad, and the votes on at least one tied",
    Outcome.ALL_GOOD: "every response was judged good: nothing to refine",
    Outcome.UNSOLVED: "no refinement passed the gate",
    Outcome.MEASURED: "the instruction that was written for it is one that evaluations ask",
    Outcome.DUPLICATE: "an earlier pair has the same prompt",
    Outcome.TOO_LONG: "the pair is longer than the trainer takes",
    Outcome.OVER_CAP: "there were enough pairs already (selection.max_pairs)",
    Outcome.PAIR: "the actor learns from it",
    Outcome.EXAMPLE: "the actor is fine-tuned on a response to it",
    Outcome.EQUAL_SCORES: "no response scored higher than another",
    Outcome.LESSON: "the refiner is fine-tuned on its refinement",
    Outcome.NOT_REACHED: "the run stopped before it got here",
}

SHARED = ("generation", "judgment", "refinement")


def explain(run: RunArgument, prompt: PromptArgument, directory: DirOption = None) -> None:
    """Tell every step that a prompt went through, and its outcome."""
    for history in histories(run, prompt, directory):
        _print(f"{iteration_name(history.iteration)}, position {history.position}, shard {history.shard}", "bold")
        _print(f"prompt {history.prompt.id}: {history.prompt.text}")
        _explain_steps(history)
        if history.judged is not None:
            _explain_judgments(history.judged)
        elif history.generated is not None:
            for response in history.generated.responses:
                _print(f"  response {response.index}: {response.text!r} {response.failure or 'not judged yet'}")
        if history.tree is not None:
            _explain_tree(history.tree)
        _print(_ending(history), "bold")


def _explain_steps(history: PromptHistory) -> None:
    for step in history.steps:
        _print(f"  {step.kind}: {_step(step)}")


def _step(step: StepFact) -> str:
    parts = [str(step.state)]
    if step.reused:
        parts.append("result reused")
    elif step.attempt:
        parts.append(f"attempt {step.attempt}" + (f" on {step.worker}" if step.worker else ""))
    if step.seconds and not step.reused:
        parts.append(
            f"{step.seconds:.2f} s for the whole shard" if step.kind.value in SHARED else f"{step.seconds:.2f} s"
        )
    if step.reason:
        parts.append(step.reason)
    return ", ".join(parts)


def _explain_judgments(judged: JudgedPrompt) -> None:
    for response in judged.responses:
        _print(f"  response {response.response.index}: {response.response.text!r} {_judgment(response)}")


def _judgment(response: JudgedResponse) -> str:
    judgment = response.judgment
    if judgment is None:
        return f"not judged: {response.response.failure}" if response.response.failure else "not judged"
    verdicts = [str(vote.verdict or vote.failure) for vote in judgment.votes]
    return f"judged {judgment.label or judgment.failure} ({', '.join(verdicts)})"


def _explain_tree(tree: Tree) -> None:
    ending = "solved" if tree.solved else "not solved"
    best = "" if tree.best is None else f", best V {tree.node(tree.best).value:.2f} at {'.'.join(map(str, tree.best))}"
    _print(f"  negative: {tree.nodes[0].text!r}")
    failures = "".join(f", {count} pruned as {reason}" for reason, count in tree.failures.items())
    _print(f"  search: {ending}, {len(tree.nodes) - 1} nodes, {tree.votes} votes{best}{failures}")
    if tree.best is not None:
        _print(f"  best refinement: {tree.node(tree.best).text!r}")


def _ending(history: PromptHistory) -> str:
    if history.outcome is None:
        return "outcome: not there yet, the iteration's selection has not been made"
    return f"outcome: {history.outcome}, {MEANING[Outcome(history.outcome)]}"


def _print(text: str, style: str = "") -> None:
    out.print(Text(text, style=style), soft_wrap=True)
