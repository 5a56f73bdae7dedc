"""The tasks of the training service."""

from typing import Any

from services.training.selection import select_data
from services.training.training import train_model
from spar.messages.training import SELECT_TASK, TRAIN_TASK, Select, Train
from spar.runtime.app import task
from spar.runtime.steps import run_step
from spar.runtime.worker import current


@task(SELECT_TASK)
def select(message: dict[str, Any]) -> None:
    command, worker = Select.model_validate(message), current()
    run_step(worker, command, lambda: select_data(worker, command))


@task(TRAIN_TASK)
def train(message: dict[str, Any]) -> None:
    command, worker = Train.model_validate(message), current()
    run_step(worker, command, lambda: train_model(worker, command))
