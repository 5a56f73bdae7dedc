"""Replies that are written down as they come: asked once, torn lines asked again, never mixed with another model's."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from spar.engines.base import ChatModel, Completion, Sampling
from spar.errors import ConflictError, DataError, EngineUnavailable
from spar.evaluation.call_book import open_call_book
from spar.evaluation.remembering import RememberingModel
from spar.method.records import Message

MODEL = {"model": "m", "engine": "simulated"}
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=8)


class Counting:
    """Says how often it was asked, and fails from a certain call on."""

    def __init__(self, fails_at: int = 100) -> None:
        self.calls, self._fails_at = 0, fails_at

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        if self.calls >= self._fails_at:
            raise EngineUnavailable("gone")
        self.calls += 1
        return [
            Completion(
                text=f"{messages[0].content} {seed + i} \ud83d",
                finish_reason="stop",
                prompt_tokens=2,
                completion_tokens=3,
            )
            for i in range(n)
        ]


async def say(folder: Path, chat: Counting, *texts: str, seed: int = 0) -> tuple[list[str], RememberingModel]:
    async def serve() -> ChatModel:
        return chat

    with open_call_book(folder, MODEL) as book:
        model = RememberingModel(book, serve)
        replies = [await model.sample([Message("user", text)], 2, GREEDY, seed) for text in texts]
    return [reply.text for both in replies for reply in both], model


def only_file(folder: Path) -> Path:
    [path] = folder.iterdir()
    return path


async def test_a_call_is_asked_once_and_its_replies_come_back_as_they_were(tmp_path: Path) -> None:
    first, _ = await say(tmp_path, Counting(), "a", "b")
    chat = Counting()
    again, model = await say(tmp_path, chat, "a", "b", "a")
    assert again == first + first[:2]
    assert (chat.calls, model.sent, model.remembered) == (0, 0, 3)


async def test_another_seed_or_text_is_another_call(tmp_path: Path) -> None:
    await say(tmp_path, Counting(), "a")
    chat = Counting()
    await say(tmp_path, chat, "a", "a b", seed=1)
    assert chat.calls == 2


async def test_what_was_said_before_a_failure_is_kept(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable):
        await say(tmp_path, Counting(fails_at=1), "a", "b")
    chat = Counting()
    await say(tmp_path, chat, "a", "b")
    assert chat.calls == 1


async def test_a_torn_last_line_is_asked_again(tmp_path: Path) -> None:
    await say(tmp_path, Counting(), "a", "b")
    path = only_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    chat = Counting()
    await say(tmp_path, chat, "a", "b")
    assert chat.calls == 1
    assert path.read_bytes() == whole


async def test_a_file_that_is_torn_at_its_first_line_begins_anew(tmp_path: Path) -> None:
    await say(tmp_path, Counting(), "a")
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes()[:5])
    chat = Counting()
    await say(tmp_path, chat, "a")
    assert chat.calls == 1


async def test_a_broken_line_in_the_middle_is_told(tmp_path: Path) -> None:
    await say(tmp_path, Counting(), "a", "b")
    path = only_file(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"{}\n" + lines[2])
    with pytest.raises(DataError, match="line 2"):
        await say(tmp_path, Counting(), "a")


def test_models_have_files_of_their_own_with_one_writer_each(tmp_path: Path) -> None:
    with open_call_book(tmp_path, MODEL), open_call_book(tmp_path, {"model": "other"}):
        assert len(list(tmp_path.iterdir())) == 2
        with pytest.raises(ConflictError, match="Another evaluation"), open_call_book(tmp_path, MODEL):
            pass
