"""Imported by a server that forks: what each build would do first in a process of its own. It starts no thread."""

import gc
from importlib import import_module
from types import ModuleType
from typing import Any

from thrift import be_thrifty

from nextlong_hub.core.code_points import code_point_classes
from nextlong_hub.datacard import rendering
from nextlong_hub.retrieval.bm25 import building_kernels, kernels, lexing_kernels
from nextlong_hub.tokenization import load_tokenizer

LOADED_LATE = (
    "nextlong_hub.pipeline",
    "nextlong_hub.retrieval.bm25.search",
    "nextlong_hub.stats.plots",
    "nextlong_hub.synthesis.tasks",
    "pandas",  # Arrow imports it when it makes the first array
)


def load_kernels(module: ModuleType) -> None:
    """Load what is kept of the kernels of a module."""
    for function in vars(module).values():
        kept: Any = getattr(getattr(function, "_cache", None), "_cache_file", None)
        for signature, *_ in kept._load_index() if kept else ():
            function.compile(signature)


for name in LOADED_LATE:
    import_module(name)
for module in (lexing_kernels, building_kernels, kernels):
    load_kernels(module)
be_thrifty()
code_point_classes()
load_tokenizer("demo").split_points  # noqa: B018 - what is proven of it is kept
rendering._environment().get_template(rendering._TEMPLATE)
gc.collect()
gc.freeze()
