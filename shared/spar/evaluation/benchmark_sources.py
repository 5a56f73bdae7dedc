"""What can be fetched: the data of benchmarks whose licence lets anyone copy them, and the authors' templates.

Fetches nothing.
"""

from spar.benchmark_records import PublishedSource
from spar.benchmark_registry import BENCHMARKS

SOURCES = {name: each.source for name, each in BENCHMARKS.items() if each.source is not None}
"""By benchmark."""
RELEASE = PublishedSource(
    base="https://raw.githubusercontent.com/thu-coai/SPaR/6497aba42fb8ec77eecbdaa376faa3af68d83b17",
    licence="Apache-2.0",
    files={
        "src/tasks/prompts.py": "7ead5f8e8c0c1a3ea4bdaa87ee1fcbf78d6f2aa011e3921b4ebeb670c82da535",
        "src/tasks/science.py": "da69126532b5d7ce5a15f4a3794093fb2a625eefd22a8b2b51233378973f05dc",
        "LICENSE": "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
    },
)
"""The authors' implementation: the wording that their data and models have."""
