"""What a worker does to conversations: each becomes a document of its own, or is counted under the reason why not.

    converse     a range of conversations   ▶  rows of one document each, for `filing` to pack

Pure: its output depends on the task's inputs and parameters and on nothing else.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nextlong_hub.conversations.assemble import ChatBench, Made
from nextlong_hub.corpus.store import open_store
from nextlong_hub.dataset.write_tasks import Pieces, write_documents
from nextlong_hub.execution.base import Task
from nextlong_hub.recipe import Recipe
from nextlong_hub.tokenization import reopen


def converse(task: Task) -> dict[str, Any]:
    """Turn conversations into documents.

    Inputs: `store`, and `order`, all conversations in the order in which they are taken. Parameters: `recipe`, its chat
    template resolved; `start`, `stop` (in that order); `tokenizer`, `tokenizer_digest`.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    bench = _bench_of(
        json.dumps(task.parameters["recipe"]), task.parameters["tokenizer"], task.parameters["tokenizer_digest"]
    )
    store = open_store(task)
    order = np.load(Path(task.inputs["order"]), mmap_mode="r")
    documents = np.array(order[task.parameters["start"] : task.parameters["stop"]])
    records = store.texts(store.first_chunk[documents])  # each conversation is one chunk
    outcomes = [
        bench.make(*store.document(number), records[int(store.first_chunk[number])]) for number in documents.tolist()
    ]
    counts = write_documents(
        task,
        recipe,
        [
            Pieces(rows=(outcome.row,), truncated_tokens=outcome.truncated_tokens)
            if isinstance(outcome, Made)
            else outcome
            for outcome in outcomes
        ],
        masked=True,
    )
    made = [outcome for outcome in outcomes if isinstance(outcome, Made)]
    return {
        **counts,
        "unanswered": sum(outcome.unanswered > 0 for outcome in made),
        "learnt_tokens": sum(int(outcome.row.loss_mask.sum()) for outcome in made if outcome.row.loss_mask is not None),
    }


@lru_cache(maxsize=2)
def _bench_of(recipe: str, location: str, digest: str) -> ChatBench:
    """A worker serves many tasks of one build: it opens the tokenizer and tries the template out once."""
    return ChatBench(Recipe.model_validate(json.loads(recipe)), reopen(location, digest))
