"""`riffle` by keywords."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.evaluation.make import RiffleReport
from nextlong_hub.evaluation.make import riffle as riffle_folder
from nextlong_hub.evaluation.settings import RiffleRequest, RiffleSettings
from nextlong_hub.execution.progress import Progress
from nextlong_hub.facade.checks import a_count, a_path, a_place, a_text, by_name, several
from nextlong_hub.facade.making import PathOrName, held_tokenizers, only_tokenizer, settings_of
from nextlong_hub.facade.requests import Reading, read_as
from nextlong_hub.facade.watching import watched
from nextlong_hub.recipe import DEFAULT_SEED, load_recipe
