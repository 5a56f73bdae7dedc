"""Data and models to a hub on loopback: nothing leaves without --yes, all of it with; what a hub refuses is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from spar.cli.main import build_app
from spar.errors import DataError, ServiceError
from spar.export.hub import check_repo
from tests.unit.export.home import Writer, example, open_home, pair
from tests.unit.export.hub import FakeHub, serving


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Writer]:
    writer = open_home(tmp_path / "home")
    writer.run()
    writer.iteration(1, [pair("Write one line.")], [example("Judge this.")])
    yield writer
    bind = writer.session.get_bind()
    writer.session.close()
    bind.engine.dispose()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    with serving() as hub:
        yield hub


def push(home: Writer, hub: FakeHub, *arguments: str, repo: str = "me/mine") -> Result:
    command = ["push", str(home.home.root), "--to", "hub", repo, "--endpoint", hub.url, *arguments]
    return CliRunner().invoke(build_app("push"), command, catch_exceptions=False)


def test_without_yes_it_shows_everything_and_sends_nothing(home: Writer, hub: FakeHub) -> None:
    shown = push(home, hub)
    assert shown.exit_code == 0, shown.output
    assert "dataset me/mine (private):" in shown.stdout
    assert "pairs.parquet" in shown.stdout
    assert "# Training data of run demo-1" in shown.stdout
    assert "Nothing was sent" in shown.stdout
    assert (hub.repos, hub.files) == ([], {})


def test_with_yes_the_repository_is_made_and_filled(home: Writer, hub: FakeHub) -> None:
    sent = push(home, hub, "--yes", "--format", "trl", "--license", "cc-by-4.0")
    assert sent.exit_code == 0, sent.output
    [made] = hub.repos
    assert (made["name"], made["type"], made["visibility"]) == ("mine", "dataset", "private")
    assert set(hub.files) == {
        "README.md",
        "examples.jsonl",
        "lineage.jsonl",
        "manifest.json",
        "pairs.jsonl",
        "recipe.yaml",
    }
    card = hub.files["README.md"].decode()
    assert card.startswith("---\nlicense: cc-by-4.0\n")
    assert "chosen by its publisher" in card
    assert b"Write one line." in hub.files["pairs.jsonl"]
    assert hub.messages == ["Run demo-1"]
    assert f"sent: {hub.url}/datasets/me/mine/commit/" in sent.stdout


def test_a_hub_that_refuses_is_told_with_what_to_do(home: Writer, hub: FakeHub) -> None:
    hub.refuse = 401
    with pytest.raises(ServiceError, match="HF_TOKEN") as caught:
        push(home, hub, "--yes")
    assert "rejects me/mine" in str(caught.value)


def test_a_hub_that_is_not_there_is_told(home: Writer) -> None:
    nowhere = FakeHub()
    nowhere.url = "http://127.0.0.1:9"
    with pytest.raises(ServiceError, match="cannot be sent"):
        push(home, nowhere, "--yes")


@pytest.mark.parametrize("name", ["mine", "me/mine/more", "me/..", "../me/mine", "me/mi ne", ""])
def test_only_a_repositorys_name_is_one(name: str) -> None:
    with pytest.raises(DataError, match="not a repository name"):
        check_repo(name)
    assert check_repo("me/mine-1.0_x") == "me/mine-1.0_x"
