"""What a worker does: the functions that tasks name.

    ingest       pieces of a corpus                      ▶  one part of the chunk store
    retrieve     a range of meta-documents               ▶  the retriever's answers: chunk numbers and scores, no text
    tokenise     chunks that samples are likely to need  ▶  their tokens, once for all samples
    synthesise   the answers, and the text they lead to  ▶  rows

Each is pure: its output depends on the task's inputs and parameters and on nothing else. `fitting_units` and
`filing_units` hold the others.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from nextlong_hub.corpus.store import open_store
from nextlong_hub.dataset.write_tasks import write_samples
from nextlong_hub.execution.base import Task
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval.tasks import read_answers, unit_documents
from nextlong_hub.synthesis.assemble import Bench, Made, Ruler
from nextlong_hub.tokenization import Frame, TokenShelf
from nextlong_hub.tokenization.tasks import tokenizer_of


def synthesise(task: Task) -> dict[str, Any]:
    """Turn the retriever's answers into rows: choose negatives, interleave, fit to the target length.

    Parameters: `recipe`, `start`, `stop`, `frame`, and `tokenizers`: for each `location`, `digest`,
    `characters_per_token`, and the `rounds` on its shelf in the input `tokens-0`, `tokens-1`, ….
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    bos, eos = task.parameters["frame"]
    rulers = [
        Ruler(
            tokenizer=tokenizer_of(one["location"], one["digest"]),
            shelf=_shelf_of(Path(task.inputs[f"tokens-{number}"]), tuple(one["rounds"])),
            characters_per_token=one["characters_per_token"],
        )
        for number, one in enumerate(task.parameters["tokenizers"])
    ]
    bench = Bench(recipe=recipe, store=open_store(task), rulers=rulers, frame=Frame(bos=bos, eos=eos))
    made = bench.synthesise(unit_documents(task), read_answers(Path(task.inputs["answers"])))
    outcomes = [one.sample if isinstance(one, Made) else one for one in made]
    sizes = [[len(one.sample.text), *one.token_counts] for one in made if isinstance(one, Made)]
    return {**write_samples(task, recipe, outcomes), "near_duplicates": bench.near_duplicates, "sizes": sizes}


_shelf_of = lru_cache(maxsize=4)(TokenShelf)
