"""Imported by a server that forks: what each build would do first in a process of its own. It starts no thread."""

from types import ModuleType
from typing import Any

from thrift import be_thrifty

from nextlong_hub.datacard import rendering
from nextlong_hub.retrieval.bm25 import building_kernels, kernels, lexing_kernels, search
from nextlong_hub.tokenization import load_tokenizer


def load_kernels(module: ModuleType) -> None:
    """Load what is kept of the kernels of a module."""
    for function in vars(module).values():
        kept: Any = getattr(getattr(function, "_cache", None), "_cache_file", None)
        for signature, *_ in kept._load_index() if kept else ():
            function.compile(signature)


be_thrifty()
load_tokenizer("demo")
rendering._environment().get_template(rendering._TEMPLATE)
for module in (lexing_kernels, building_kernels, kernels, search):
    load_kernels(module)
