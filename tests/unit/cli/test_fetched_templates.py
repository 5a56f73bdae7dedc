"""`spar fetch spar-templates`: a checkout's prompts become a template set.

The checkout here is laid out as the authors' and worded otherwise; the published wording is nowhere in this project.
"""

import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spar.benchmark_records import PublishedSource
from spar.cli.fetch import RELEASE, published, write_templates
from spar.cli.main import build_app
from spar.errors import DataError
from spar.method.templates import TemplateSet, read_templates
from spar.method.templates.reference import templates_of

JUDGE = 'judge_template = """Is this right?\n\nAsked: {}\n\nGiven: {}\n\nIt costs $5, {{so}} say why."""\n'
REFINE = """
from tasks.prompts import *

raise SystemExit("nothing of this may run")

class SearchTask:
    @staticmethod
    def build_refine_message(prompt, response, critique):
        return [
            {"role": "user", "content": judge_template.format(prompt, response)},
            {"role": "assistant", "content": critique},
            {"role": "user", "content": '''Mend it for $5.

Write: [[start]] xxx [[end]]'''}
        ]
"""
FILES = {"src/tasks/prompts.py": JUDGE, "src/tasks/science.py": REFINE, "LICENSE": "Take it.\n"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "checkout" / name).write_text(text)
    return tmp_path / "checkout"


def source() -> PublishedSource:
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in FILES.items()}
    return PublishedSource(base="https://example.org/SPaR/0123abc", licence="Apache-2.0", files=digests)


def fetched(checkout: Path, to: Path) -> TemplateSet:
    write_templates(source(), to, lambda path, digest: published(path, digest, str(checkout)))
    return read_templates(to.name, to)


def test_a_checkouts_prompts_are_a_template_set(checkout: Path, tmp_path: Path) -> None:
    templates = fetched(checkout, tmp_path / "set")
    [judged] = templates.judge_messages("a $prompt {b}", "c")
    assert judged.content == "Is this right?\n\nAsked: a $prompt {b}\n\nGiven: c\n\nIt costs $5, {so} say why."
    assert templates.refine_messages("a", "b", "c")[-1].content == "Mend it for $5.\n\nWrite: [[start]] xxx [[end]]"
    notice = (tmp_path / "set" / "NOTICE.txt").read_text()
    assert "https://example.org/SPaR/0123abc" in notice
    assert "Apache-2.0" in notice
    assert (tmp_path / "set" / "LICENSE.txt").read_text() == "Take it.\n"


def test_a_checkout_that_was_changed_is_refused(checkout: Path, tmp_path: Path) -> None:
    (checkout / "src/tasks/prompts.py").write_text(JUDGE.replace("right", "good"))
    with pytest.raises(DataError, match=r"prompts\.py is not the published file"):
        fetched(checkout, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_the_command_takes_the_published_files_only(checkout: Path, tmp_path: Path) -> None:
    command = ["fetch", "spar-templates", "--from", str(checkout), "--out", str(tmp_path / "set")]
    error = CliRunner().invoke(build_app("fetch"), command).exception
    assert isinstance(error, DataError)
    assert "is not the published file" in str(error)
    assert RELEASE.base.startswith("https://raw.githubusercontent.com/thu-coai/SPaR/")
    assert all(len(digest) == 64 for digest in RELEASE.files.values())


@pytest.mark.parametrize(
    ("judge", "refine", "missing"),
    [
        ("other = 'x'", REFINE, "judge_template"),
        ("judge_template = 'one {}'", REFINE, "two plain places"),
        ("judge_template = '{} {} {}'", REFINE, "two plain places"),
        ("judge_template = '{prompt} {}'", REFINE, "two plain places"),
        ("judge_template = '{} }'", REFINE, "two plain places"),
        ("judge_template = 'a {} {}'.strip()", REFINE, "one plain string"),
        ("judge_template = (", REFINE, "valid Python"),
        (JUDGE, "def other():\n    return []", "build_refine_message"),
        (JUDGE, "def build_refine_message():\n    return []", "build_refine_message"),
        (JUDGE, "def build_refine_message():\n    return [{'content': f'{x}'}]", "one plain string"),
    ],
)
def test_sources_of_another_shape_are_an_error(judge: str, refine: str, missing: str) -> None:
    with pytest.raises(DataError, match=missing):
        templates_of("set", judge, refine)
