"""Where data and templates are published, under which licence, and what the files must be: their SHA-256.

Only what its licence lets anyone copy is listed. Fetches nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSource:
    """`base` is the published folder at a fixed commit; `files` are SHA-256 by the path below it."""

    base: str
    licence: str
    files: Mapping[str, str]


_RAW = "https://raw.githubusercontent.com"
SOURCES: Mapping[str, PublishedSource] = MappingProxyType(
    {
        "followbench": PublishedSource(
            base=f"{_RAW}/YJiangcm/FollowBench/6278f4c1377b4eafab737267b8b21acd52ea0e52/data",
            licence="Apache-2.0",
            files={
                "content_constraints.json": "dedf04579bf205c1422e18ee1033d0372b02196ca4b5e921a3a65dca714e226b",
                "example_constraints.json": "205d10ecde31b974f0c1537be4952b5e075ae5ca58008dc08aef1c442c32bada",
                "format_constraints.json": "3b93ee931186edcb4e0a5f260de18cd550586c985192da39262fd023e90d8a76",
                "mixed_constraints.json": "eae529546e0ef6a4a4936b6221cd25da9debaf261272409ed1fd57e8260bf820",
                "situation_constraints.json": "cab0e31e3f8dd69ba71018dde3eb63f3336b8aea6df82c7997da6abcbc159fb4",
                "style_constraints.json": "5a9a049a24a9a53e67b4ad97f1fb7633b4629f6ce461662888804313cc90c27a",
            },
        ),
        "ifeval": PublishedSource(
            base=f"{_RAW}/josejg/instruction_following_eval/0c495b2f95155e8b10acb919ae283bfb4d5be6e2/instruction_following_eval/data",
            licence="Apache-2.0",
            files={"input_data.jsonl": "67ffeee0fcb87c317c5b08a2de85557b4a7e96ada6178aa645b4954fe4b53d49"},
        ),
        "llmbar": PublishedSource(
            base=f"{_RAW}/princeton-nlp/LLMBar/900616bff90b6c6c8e1681f7d079250637c55992/Dataset/LLMBar",
            licence="MIT",
            files={
                "Natural/dataset.json": "f7127b7aa78104cb8e03a2b1b3ac0077e95b125714dd441a8ee63666145a3375",
                "Adversarial/GPTInst/dataset.json": "1002425f73c2cf54b6e6de99bce3f6c60fa2a17d13194772e37d7481c1351d42",
                "Adversarial/GPTOut/dataset.json": "1ff56e520d7607750a9866a3be0f5b850392ca4477a1f69d80f32bd3e310f561",
                "Adversarial/Manual/dataset.json": "0d9598769a39cdbbd265778c37e49939d41d5f76dcfb17bd75dcfa07516d3837",
                "Adversarial/Neighbor/dataset.json": "6712c7eda6342602e0bc7c06c282fa95e2110d4e741a284026a62d937f9780a0",
            },
        ),
    }
)

RELEASE = PublishedSource(
    base=f"{_RAW}/thu-coai/SPaR/6497aba42fb8ec77eecbdaa376faa3af68d83b17",
    licence="Apache-2.0",
    files={
        "src/tasks/prompts.py": "7ead5f8e8c0c1a3ea4bdaa87ee1fcbf78d6f2aa011e3921b4ebeb670c82da535",
        "src/tasks/science.py": "da69126532b5d7ce5a15f4a3794093fb2a625eefd22a8b2b51233378973f05dc",
        "LICENSE": "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
    },
)
"""The authors' implementation: the wording that their data and models have."""
