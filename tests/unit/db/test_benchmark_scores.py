"""A run's measurements in its progress: benchmarks' scores and audits of done steps, by iteration, and nothing else."""

from pathlib import Path

from sqlmodel import Session

from spar.db.engine import open_database
from spar.db.measured import AuditScore, BenchmarkScore
from spar.db.migrate import migrate
from spar.db.progress import read_progress
from spar.db.tables import Run, Step
from spar.messages.base import StepKind
from spar.messages.states import RunStatus, StepState


def evaluation(iteration: int, part: str, state: StepState, **counts: float) -> Step:
    named = {name.replace("__", "."): value for name, value in counts.items()}
    return Step(
        run_id="r",
        iteration=iteration,
        kind=StepKind.EVALUATION,
        part=part,
        state=state,
        fingerprint=f"{part}{iteration}",
        message={},
        facts={"counts": named},
    )


def audit(source: str, gap: float) -> dict[str, float]:
    measures = {"prompts": 40, "accepted": 0.5 + gap, "followed": 0.5, "gap": gap, "gap_low": gap - 0.1}
    named = {**measures, "gap_high": gap + 0.1, "false_accept": 0.2}
    return {f"{source}__{name}": value for name, value in named.items()}


def test_progress_tells_the_scores_that_pages_show(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'spar.db'}")
    migrate(database)
    with Session(database) as session:
        session.add(
            Run(
                id="r",
                recipe={"iterations": 1, "judge_audit": {"alarm": 0.1}},
                models={},
                templates="t",
                prompts="p",
                status=RunStatus.RUNNING,
            )
        )
        session.flush()
        session.add(evaluation(1, "ifeval", StepState.DONE, score__average=20.0, score__unheard_of=1.0))
        session.add(evaluation(0, "ifeval", StepState.DONE, score__average=18.0))
        session.add(evaluation(0, "ifeval:bfs", StepState.DONE, score__average=19.0))
        session.add(evaluation(0, "actor", StepState.DONE, actor_greedy=0.5))
        session.add(evaluation(1, "honesty", StepState.DONE, **audit("response", 0.3), **audit("refinement", 0.0)))
        session.add(evaluation(1, "llmbar", StepState.RUNNING))
        session.flush()
        progress = read_progress(session, "r")
    database.dispose()
    assert progress is not None
    assert progress.scores == (
        BenchmarkScore(iteration=0, benchmark="ifeval", score="average", value=18.0),
        BenchmarkScore(iteration=0, benchmark="ifeval:bfs", score="average", value=19.0),
        BenchmarkScore(iteration=1, benchmark="ifeval", score="average", value=20.0),
    )
    assert progress.audits == (
        AuditScore(
            iteration=1,
            source="responses",
            prompts=40,
            accepted=0.8,
            followed=0.5,
            gap=0.3,
            gap_low=0.3 - 0.1,
            gap_high=0.3 + 0.1,
            false_accept=0.2,
            false_reject=None,
            alarm=True,
        ),
        AuditScore(
            iteration=1,
            source="refinements",
            prompts=40,
            accepted=0.5,
            followed=0.5,
            gap=0.0,
            gap_low=0.0 - 0.1,
            gap_high=0.0 + 0.1,
            false_accept=0.2,
            false_reject=None,
            alarm=False,
        ),
    )
