"""A home with a run that was played by hand in milliseconds: every object and model that its rows name is there."""

from pathlib import Path
from typing import Any

from spar.messages.states import RunStatus
from spar.messages.training import Trained
from spar.method.records import Generated, Prompt
from spar.store.models import upload_model
from spar.store.results import get_verified, put_result
from spar.store.rows import decode_rows, encode_rows
from tests.unit.coordinator.stage import Stage

SHARDS = 3
STEPS = ("generation", "judgment", "refinement")


def played(folder: Path, trainings: int = 2, **changes: Any) -> tuple[Stage, str]:
    """The run's home and id; with fewer trainings it is left with the others in flight."""
    folder.mkdir(parents=True)
    stage = Stage(folder)
    run_id = stage.submit(**{"engine": {"kind": "simulated"}, **changes})
    for kind in STEPS:
        for _ in range(SHARDS):
            _finish(stage, kind, kind)
    selection = stage.take("training")
    stage.finish(selection, stage.put_selection(selection))
    for _ in range(trainings):
        train(stage)
    if trainings == 2:
        assert stage.run_row().status is RunStatus.FINISHED, stage.run_row()
    return stage, run_id


def train(stage: Stage) -> None:
    message = stage.take("training")
    model = stage.folder / "work" / message["fingerprint"]
    model.mkdir(parents=True)
    (model / "config.json").write_text(message["fingerprint"])
    upload_model(stage.store, message["fingerprint"], model)
    trained = Trained(
        fingerprint=message["fingerprint"],
        parent=message["spec"]["base"]["fingerprint"],
        samples=1,
        too_long=0,
        steps=1,
        tokens=1,
        loss=0.5,
    )
    data = encode_rows(step="train", fingerprint=message["fingerprint"], rows=[trained])
    stage.finish(message, put_result(stage.store, message["fingerprint"], data).key)


def _finish(stage: Stage, queue: str, step: str) -> None:
    message = stage.take(queue)
    rows: list[Any] = []
    if step == "generation":
        key = message["spec"]["prompts"]["key"]
        prompts = decode_rows(get_verified(stage.store, key), Prompt, key)[1]
        rows = [Generated(prompt, ()) for prompt in prompts]
    data = encode_rows(step=step, fingerprint=message["fingerprint"], rows=rows)
    stage.finish(message, put_result(stage.store, message["fingerprint"], data).key)
