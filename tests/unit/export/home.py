"""A home with a run's rows and selections, as the coordinator and a training worker leave them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session

from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.db.tables import Iteration, PromptOutcome, Run, Step
from spar.embedded.home import Home
from spar.messages.base import StepKind
from spar.messages.states import IterationStatus, RunStatus, StepState
from spar.messages.training import Selected
from spar.method.records import Example, ExampleKind, Message, Outcome, Pair, Prompt
from spar.store.directory import DirectoryStore
from spar.store.results import put_blob
from spar.store.rows import encode_rows

RECIPE = {
    "name": "demo",
    "seed": 4,
    "models": {"actor": "org/model", "refiner": "org/other"},
    "prompts": {"source": "seeds.jsonl"},
}


def pair(text: str) -> Pair:
    return Pair(prompt=Prompt.of(text), chosen=f"{text} – well <b>done</b>", rejected=f"{text}: badly\ndone")


def example(text: str, *rest: str, kind: ExampleKind = ExampleKind.TREE_NO) -> Example:
    """User and assistant in turn."""
    turns = (text, *(rest or ("It is wrong.",)))
    roles = ("user", "assistant") * len(turns)
    return Example(
        Prompt.of(text).id, kind, tuple(Message(role, turn) for role, turn in zip(roles, turns, strict=False))
    )


@dataclass
class Writer:
    """Writes rows and objects of one run."""

    home: Home
    session: Session
    store: DirectoryStore

    def run(self, run_id: str = "demo-1") -> None:
        self.session.add(
            Run(
                id=run_id,
                recipe=RECIPE,
                models={"org/model": "a0" * 32, "org/other": "b0" * 32},
                templates="t",
                prompts="p",
                status=RunStatus.RUNNING,
            )
        )
        self.session.commit()

    def iteration(self, index: int, pairs: Sequence[Pair] | None, examples: Sequence[Example] = ()) -> None:
        """None: it has begun and selected nothing yet."""
        self.session.add(
            Iteration(
                run_id="demo-1",
                index=index,
                status=IterationStatus.TRAINING if pairs is not None else IterationStatus.SHARDS,
                prompts=3,
                shards=1,
                actor="a0" * 32,
                refiner="b0" * 32,
                actor_after="a1" * 32 if index == 1 else None,
            )
        )
        if pairs is not None:
            ends = [Outcome.PAIR] * len(pairs) + [Outcome.ALL_GOOD] * (3 - len(pairs))
            for position, end in enumerate(ends):
                self.session.add(
                    PromptOutcome(
                        run_id="demo-1", iteration=index, position=position, prompt_id=f"p{position}", outcome=end
                    )
                )
            selected = Selected(
                pairs_key=self.put(pairs),
                pairs=len(pairs),
                examples_key=self.put(examples),
                examples=len(examples),
                outcomes_key="o",
            )
            self.session.add(
                Step(
                    run_id="demo-1",
                    iteration=index,
                    kind=StepKind.SELECTION,
                    part="",
                    state=StepState.DONE,
                    fingerprint=f"s{index}",
                    message={},
                    result_key=self.put([selected]),
                )
            )
        self.session.commit()

    def put(self, rows: Sequence[Any]) -> str:
        return put_blob(self.store, "blobs", encode_rows(step="selection", fingerprint="f", rows=rows)).key


def open_home(root: Path) -> Writer:
    home = Home(root)
    home.root.mkdir(parents=True)
    home.store.mkdir()
    database = open_database(home.database_url)
    migrate(database)
    return Writer(home, Session(database), DirectoryStore(home.store))
