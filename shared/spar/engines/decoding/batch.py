"""One model's rows: calls wait, join when there is room, draw a token per step, and leave when they are done.

A row is a sample. Rows that have the same tokens so far are one branch, which the model computes once.

Only `submit` and `stale` are touched by another thread. Knows nothing of text.
"""

from collections import Counter, deque
from itertools import groupby
from typing import Any

import torch

from spar.engines.decoding.branches import Branches
from spar.engines.decoding.cache import RowCache
from spar.engines.decoding.calls import SampleCall
from spar.engines.decoding.prefill import Ids, Prefix, groups, prefill
from spar.engines.decoding.rows import Rows
from spar.errors import EngineError

ROOM = 8  # a full batch lets newcomers in when one in so many rows is free: small prefills cost as much as large


class Batch:
    """Continuous batching of at most `max_batch` rows over `model` (a transformers causal language model)."""

    def __init__(self, model: Any, ends: list[int], max_batch: int) -> None:
        self.stale = False  # set when a call is cancelled, from another thread
        self._model = model
        self._ends = ends
        self._max_batch = max_batch
        self._inbox: deque[SampleCall] = deque()
        self._waiting: deque[SampleCall] = deque()
        self._wanted: Counter[Ids] = Counter()
        self._prefixes: dict[Ids, Prefix] = {}
        self._start_empty()

    def submit(self, call: SampleCall) -> None:
        """From any thread."""
        self._inbox.append(call)

    @property
    def has_work(self) -> bool:
        return bool(self._inbox or self._waiting or len(self._rows))

    def advance(self) -> None:
        """One turn: drop what was cancelled, let rows join, draw one token for every row."""
        self._take_in()
        if self.stale:
            self._drop_cancelled()
        self._admit()
        if len(self._rows):
            self._step()
        if not self.has_work:
            # Keys and values of hundreds of rows are hundreds of megabytes, and several models may be kept.
            self._start_empty()

    def fail(self, error: EngineError) -> None:
        """End every call with this error and start with an empty batch."""
        self._take_in()
        for call in {*self._waiting, *(call for call, _ in self._rows.owners)}:
            call.fail(error)
        self._waiting.clear()
        self._wanted.clear()
        self._prefixes.clear()
        self._start_empty()

    def _start_empty(self) -> None:
        self._rows = Rows(self._ends, self._model.device)
        self._branches = Branches(RowCache(self._model.config.num_hidden_layers, self._max_batch), self._model.device)

    def _take_in(self) -> None:
        while self._inbox:
            call = self._inbox.popleft()
            self._waiting.append(call)
            self._wanted[call.ids] += 1

    def _drop_cancelled(self) -> None:
        self.stale = False
        for call in [call for call in self._waiting if call.cancelled]:
            self._waiting.remove(call)
            self._forget(call)
        self._leave([row for row, (call, _) in enumerate(self._rows.owners) if call.cancelled])

    def _forget(self, call: SampleCall) -> None:
        """This call no longer waits; when no waiting call wants its prompt, the prompt's keys and values are freed."""
        self._wanted[call.ids] -= 1
        if not self._wanted[call.ids]:
            del self._wanted[call.ids]
            self._prefixes.pop(call.ids, None)

    def _admit(self) -> None:
        room = self._max_batch - len(self._rows)
        if not self._waiting or (len(self._rows) and room < max(1, self._max_batch // ROOM)):
            return
        chosen = self._choose(room)
        self._read({call.ids for call, _ in chosen} - self._prefixes.keys())
        placed = [(self._prefixes[call.ids], (call, sample)) for call, sample in chosen]
        placed.sort(key=lambda pair: id(pair[0].batch))
        for _, members in groupby(placed, key=lambda pair: id(pair[0].batch)):
            self._join(list(members))
        while self._waiting and not self._waiting[0].waiting:
            self._forget(self._waiting.popleft())

    def _choose(self, room: int) -> list[tuple[SampleCall, int]]:
        """The next samples in the order of the calls."""
        chosen: list[tuple[SampleCall, int]] = []
        for call in self._waiting:
            taken = min(call.waiting, room - len(chosen))
            chosen.extend((call, call.admitted + i) for i in range(taken))
            call.admitted += taken
            if len(chosen) == room:
                break
        return chosen

    def _read(self, prompts: set[Ids]) -> None:
        for group in groups(sorted(prompts)):
            self._prefixes.update(prefill(self._model, group))

    def _join(self, members: list[tuple[Prefix, tuple[SampleCall, int]]]) -> None:
        """Rows for samples whose prompts were read in one batch; each draws its first token."""
        prefilled = members[0][0].batch
        source = torch.tensor([prefix.place for prefix, _ in members], device=self._model.device)
        first = len(self._rows)
        self._rows.join([owner for _, owner in members])
        finished = self._rows.draw(prefilled.logits[source], first)
        self._branches.join(prefilled.layers, source, self._rows.newest[first:])
        self._finish(finished)

    def _step(self) -> None:
        """One token for every row; the model computes each branch once."""
        rows, branches = self._rows, self._branches
        speakers = branches.speakers()
        position = rows.position[speakers]
        cache = branches.cache
        cache.aim(position, int(position.max()))
        times = torch.arange(cache.time, device=self._model.device)
        mask = torch.zeros((len(position), 1, 1, cache.time), dtype=self._model.dtype, device=self._model.device)
        mask.masked_fill_(times > position[:, None, None, None], float("-inf"))
        out = self._model(
            input_ids=rows.last_tokens[speakers],
            position_ids=position[:, None],
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
        )
        rows.position += 1
        finished = rows.draw(out.logits[:, -1][branches.of])
        self._finish(finished)
        branches.diverge(rows.newest)

    def _finish(self, finished: list[int]) -> None:
        for row in finished:
            call, sample = self._rows.owners[row]
            if not call.cancelled:
                call.finish(sample, self._rows.reply(row))
        self._leave(finished)

    def _leave(self, gone: list[int]) -> None:
        if gone:
            self._branches.keep(self._rows.leave(gone))
