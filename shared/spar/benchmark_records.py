"""What a benchmark is, as one record: whom it measures, how it is requested, which settings and data it takes.

Only facts. How it is requested, scored and counted are the functions of its driver, whose module the record names and
which is loaded when it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Work(StrEnum):
    """What models are requested to do for one item."""

    RESPONSES = "responses"
    """The actor responds; a search at inference may follow."""
    JUDGMENTS = "judgments"
    """The refiner judges a given text."""
    REFINEMENTS = "refinements"
    """The refiner refines a given bad response, and raters judge what came of it."""
    SUITE = "suite"
    """All of these, of an actor and, where one is named, of a refiner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSource:
    """`base` is the published folder at a fixed commit; `files` are SHA-256 by the path below it.

    Only what its licence lets anyone copy has one.
    """

    base: str
    licence: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark. `name` is what commands and recipes call it; `about` is the meaning of its key in a recipe."""

    name: str
    about: str
    driver: str
    """`module:attribute` of its `spar.evaluation.benchmarks.driver.BenchmarkDriver`."""
    part: Literal["actor", "refiner"]
    """Whose model it measures."""
    work: Work
    row: str
    """The fields of a row that can be scored, as `spar eval --answers` takes them."""
    data: str
    """What `--data` names."""
    settings: tuple[str, ...] = ()
    """Those of `AskSettings`, and `judge`, that change what it measures, besides the limit."""
    shown: tuple[str, ...] = ()
    """The scores that pages show, the main one first."""
    later_settings: tuple[str, ...] = ()
    """Settings that came when results were stored already: not kept beside a score while they have their default."""
    by_policy: bool = False
    """Whether it judges by a recipe's judgment policy where that scores, rather than by verdicts."""
    needs_data: bool = True
    """Whether data must be named; otherwise the story world makes the items."""
    in_recipes: bool = True
    """Whether a recipe's evaluation may name it."""
    written_when_absent: bool = False
    """Whether a recipe that is written out says `null` for it, as those did that were stored before 0.2."""
    revision: int = 2
    """Part of its results' identity: raised when the same models would give another report."""
    position: int = 100
    """Its place among the benchmarks on pages and in lists, the lowest first."""
    source: PublishedSource | None = None
