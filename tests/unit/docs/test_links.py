"""Every link of the documentation leads somewhere: the file exists, and so does the heading that an anchor names."""

import itertools
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "findings" / "README.md"])
EXTERNAL = ("http://", "https://", "mailto:")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in links(page) if not link.startswith(EXTERNAL) and not exists(page, link)]
    assert broken == []


def test_anchors_are_those_of_github(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# Train `x`: a _first_ one\n\n## Twice\n\n## Twice\n", encoding="utf-8")
    assert anchors(tmp_path / "page.md") == {"train-x-a-first-one", "twice", "twice-1"}


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n\n[a](#here) [b](#there) [c](absent.md)\n", encoding="utf-8")
    assert [link for link in links(page) if not exists(page, link)] == ["#there", "absent.md"]


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[str]:
    for token in tokens(page):
        for child in token.children or ():
            if child.type == "link_open":
                yield str(child.attrs["href"])


def exists(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name) if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    found: dict[str, int] = {}
    parsed = tokens(page)
    for token, inline in itertools.pairwise(parsed):
        if token.type == "heading_open":
            anchor = slug("".join(child.content for child in inline.children or ()))
            seen = found.get(anchor, 0)
            found[anchor] = seen + 1
            if seen:
                found[f"{anchor}-{seen}"] = 1
    return set(found)


def slug(heading: str) -> str:
    kept = (each for each in heading.lower() if each in "-_ " or unicodedata.category(each)[0] in "LN")
    return re.sub(" ", "-", "".join(kept).strip())
