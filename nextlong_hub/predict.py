"""What a build will give and cost, before anything is written.

    corpus  ▶  survey    how much there is, and a few thousand documents of it
            ▶  trial     those documents built for real, into a folder that is thrown away: real chunker, real tokenizer,
                         real index, real rows, so every rate below is measured on this machine
            ▶  scaled up to the whole corpus and to the rows asked for

Where a rate grows with the corpus, the law is stated beside it. All of it is an estimate, and says so.
"""

import math
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nextlong_hub import chunking, corpus, plan
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.files import digest_of
from nextlong_hub.pipeline import BuildRequest, build, synthesised
from nextlong_hub.preparation import Stages
from nextlong_hub.progress import Progress, Silence
from nextlong_hub.recipe import Recipe, SourceSettings
from nextlong_hub.survey import Survey, survey

_TRIAL_TARGET = 8_192
"""Target length of the trial's rows in tokens: time and bytes for each token hardly depend on it."""
_TRIAL_ROWS = 32
_TRIAL_SHARE = 1 / 6
"""Longest trial row, as a share of the sample."""
_TRIAL = "trial"
