"""Checks of a whole configuration: counts, repeated rows, order, and the portability table."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest
from nextlong_hub.dataset.spelled import SpelledShard, spelled_record
from nextlong_hub.method.order import merge_in_proportion
from nextlong_hub.producer import CandidatePool, producer_of
from nextlong_hub.recipe import Recipe
from nextlong_hub.synthesis.portability import reach
from nextlong_hub.tokenization import Tokenizer
from nextlong_hub.tokenization.tasks import measure_characters_per_token
from nextlong_hub.verification.report import Check, RowDocument


def check_config(
    name: str, config: ConfigRecord, rows: Sequence[RowDocument], manifest: Manifest, check: Check
) -> None:
    """Check counts, repeated rows and the order of a configuration."""
    kind, counted = ("documents", config.packing.documents) if config.packing else ("rows", config.rows)
    if not any(fault.place.startswith(f"data/{name}/") for fault in check.faults) and len(rows) != counted:
        check.fault(MANIFEST_NAME, f"counts {counted:,} {kind} of {name!r}, but its files hold {len(rows):,}")
    if check.tokenizer is not None and check.not_exact != config.not_exact:
        check.fault(
            f"data/{name}",
            f"{check.not_exact:,} of its documents do not encode to their input_ids, and the manifest admits "
            f"{config.not_exact:,}",
        )
    check.not_exact = 0
    _check_spelled(name, config, manifest, check)
    seen: set[str] = set()
    for found in rows:
        if found.id in seen:
            check.fault(f"data/{name}", f"the id {found.id!r} occurs twice")
        seen.add(found.id)
    _check_parts(name, config, rows, check)
    _check_order(name, config, rows, manifest, check)


def _check_spelled(name: str, config: ConfigRecord, manifest: Manifest, check: Check) -> None:
    """Check how many rows spell special tokens of each tokenizer that is here; older manifests do not say it."""
    said = {manifest.tokenizer.digest: config.spelled, **config.spelled_elsewhere}
    is_sound = not any(fault.place.startswith(f"data/{name}/") for fault in check.faults)
    for digest in check.finders:
        known, found = said.get(digest), spelled_record([SpelledShard.of(check.spelled[digest])])
        if is_sound and known is not None and known != found:
            check.fault(
                f"data/{name}", f"{found.rows:,} of its rows {found}, and the manifest says {known.rows:,} {known}"
            )
    check.spelled.clear()


def _check_parts(name: str, config: ConfigRecord, rows: Sequence[RowDocument], check: Check) -> None:
    """Check the tokens of each part, and that no ordinary document beside samples is one that they extend."""
    tokens: Counter[str] = Counter()
    for found in rows:
        tokens[found.maker] += found.tokens
    is_sound = not any(fault.place.startswith(f"data/{name}/") for fault in check.faults)
    for part, record in config.mixture.items():
        if is_sound and record.tokens and record.tokens != tokens[part]:
            check.fault(
                f"data/{name}", f"holds {tokens[part]:,} tokens of {part!r}, the manifest counts {record.tokens:,}"
            )
    if name in config.mixture:
        extended = {found.meta_document for found in rows if found.maker != name}
        for found in rows:
            if found.maker == name and found.meta_document in extended:
                check.fault(f"data/{name}", f"{found.meta_document!r} is there whole, and a sample extends it")


def _check_order(
    name: str, config: ConfigRecord, rows: Sequence[RowDocument], manifest: Manifest, check: Check
) -> None:
    """Check that rows are in the seeded order of their meta-documents; those of a mixture are merged in proportion.

    Packing changes the order of documents, but not within a row.
    """
    makers = [found.maker for found in rows]
    if config.mixture:
        counts = [part.rows for part in config.mixture.values()]
        names = list(config.mixture)
        wanted = [names[part] for part in merge_in_proportion(counts, counts).tolist()]
        if config.packing:  # a row that could not be unpacked is a fault already
            makers_differ = len(makers) == len(wanted) and sorted(makers) != sorted(wanted)
        else:
            makers_differ = makers != wanted
        if makers_differ:
            check.fault(f"data/{name}", "the rows of its ingredients are not merged in proportion")
    if check.tokenizer is None or not check.is_same_corpus:
        return
    for recipe_name, corpus in check.corpora.items():
        recipe = check.checkers[recipe_name].recipe
        places = _places(recipe, corpus, manifest, check.tokenizer)
        own = [found for maker, found in zip(makers, rows, strict=True) if maker == recipe_name]
        strangers = [found.meta_document for found in own if found.meta_document not in places]
        if strangers:
            check.fault(f"data/{name}", f"{strangers[0]!r} is no document that {recipe_name!r} could extend")
            continue
        ordered = [
            (places[one.meta_document] < places[other.meta_document]) or one.meta_document == other.meta_document
            if config.packing
            else places[one.meta_document] < places[other.meta_document]
            for one, other in pairwise(own)
            if config.packing is None or one.row == other.row
        ]
        if not all(ordered) and producer_of(recipe).has_known_order(recipe):
            what = "the documents of a row" if config.packing else "its rows"
            check.fault(f"data/{name}", f"{what} are not in the seeded order of their meta-documents")


def _places(recipe: Recipe, corpus: CorpusTexts, manifest: Manifest, tokenizer: Tokenizer) -> dict[str, int]:
    """Position of each eligible document in the order of rows."""
    pool = CandidatePool(
        store=corpus.store,
        sources=[SourceSettings(name=s.name, path=s.name, weight=s.weight) for s in manifest.corpus.sources],
        characters_per_token=measure_characters_per_token(corpus.store, tokenizer),
        seed=manifest.seed,
    )
    order = producer_of(recipe).candidates(recipe, pool)
    return {document: place for place, document in enumerate(corpus.store.document_ids(order))}


def check_portability(name: str, config: ConfigRecord, manifest: Manifest, check: Check) -> None:
    """Check what the portability table says of a configuration under the given tokenizers.

    Synthesised samples must be in it; rows of other kinds are where they were measured.
    """
    damaged = any(f"{fault.place}/".startswith(f"data/{name}/") for fault in check.faults)
    is_expected = any(producer_of(checker.recipe).retrieves for checker in check.checkers.values())
    for record in manifest.portability:
        is_there = name in record.configs or is_expected
        if record.digest not in check.sizes or damaged or not is_there:
            continue
        if record.configs.get(name) != reach(check.sizes[record.digest]):
            check.fault(MANIFEST_NAME, f"its portability table is wrong about {name!r} under {record.name}")
    check.sizes.clear()
