"""Verify a whole dataset folder, configuration by configuration."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.ingest import find_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.folder import EVALUATION_NAME
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest, read_manifest
from nextlong_hub.dataset.taken import Taken
from nextlong_hub.errors import DataError, RecipeError, argument
from nextlong_hub.execution.progress import NullProgress, Progress, ProgressTracker
from nextlong_hub.execution.run import Run
from nextlong_hub.exports.writer import EXPORT_NAME
from nextlong_hub.producer import Inputs, RowRequest, producer_of
from nextlong_hub.proof import Amount
from nextlong_hub.recipe import Recipe, recorded_recipe
from nextlong_hub.secret_scan import RULES
from nextlong_hub.stats import measure_folder
from nextlong_hub.tokenization import load_tokenizer
from nextlong_hub.tokenization.spelled import SpellingFinder
from nextlong_hub.verification.apart import check_apart
from nextlong_hub.verification.companions import check_companions
from nextlong_hub.verification.configurations import check_config, check_portability
from nextlong_hub.verification.evaluated import verify_evaluation
from nextlong_hub.verification.exported import verify_export
from nextlong_hub.verification.previews import check_preview
from nextlong_hub.verification.proving import Claim, prove_claims
from nextlong_hub.verification.repeats import check_repeats
from nextlong_hub.verification.report import Check, RowDocument, VerifyReport
from nextlong_hub.verification.shards import check_file


def verify(
    folder: Path,
    *,
    sources: Sequence[Source] = (),
    tokenizer: str | Sequence[str] | None = None,
    benchmarks: Sequence[str] = (),
    progress: Progress | None = None,
    prove: Amount | None = None,
) -> VerifyReport:
    """Check a dataset folder, or a finished export, against its manifest.

    Always: the manifest's own digest, every shard's size and sha256, the recipes, the files that the card names, the
    schema, row and token counts, the repeats (where rows have their tokens, or with `tokenizer`), that each row's
    segments tile its text, and that configurations which are kept apart extend different documents, a mixture none of
    them twice. With `tokenizer` each text is encoded again as a whole and must give exactly the row's tokens and each
    segment's token count. Of several tokenizers that the dataset was made for, the others must give at least the target
    length, and the manifest's portability table must match each that is given. With `sources` each segment is compared
    with the corpus, and none may be of a chunk that a filter bars; `benchmarks` are where those lie that the dataset
    was decontaminated against, unless they lie here under their names in the manifest. With tokenizer and sources, the
    rows must also be in the seeded order of their meta-documents.

    The value of a score, and that no better negative existed, take a second retrieval: `prove` says of how many rows
    they are derived again from the documents of the corpus, with the borders of chunks and the choice of negatives, by
    code that shares nothing with the build; see `proof`.
    The card may be edited by hand, apart from the list of files that `load_dataset` reads.

    Of an export: every file's size and sha256, and that the documents read back are those that were written. Of rows
    to evaluate with: those of their files, and that the rows of a pair are the same tokens; see `evaluation.check`.

    Raises:
        DataError, RecipeError: the corpus, the tokenizer or a benchmark cannot be read.
        RecipeError: rows are to be proven without a corpus.
    """
    given = {"corpus": sources, "tokenizer": tokenizer, "decontaminate": benchmarks, "prove": prove is not None}
    if (folder / EXPORT_NAME).is_file():
        _refuse(given, f"{folder} is an export, which is checked by its files alone")
        return verify_export(folder)
    if (folder / EVALUATION_NAME).is_file():
        del given["tokenizer"]
        _refuse(given, f"{folder} holds rows to evaluate with, which are checked by themselves and their tokenizer")
        return verify_evaluation(folder, tokenizer)
    if prove is not None and not sources:
        raise RecipeError(
            f"{argument('prove')} derives rows again from the documents of their corpus, and none was given; name it "
            f"with {argument('corpus')}"
        )
    tracker = ProgressTracker(progress or NullProgress())
    check = Check()
    try:
        manifest = read_manifest(folder)
    except DataError as error:
        check.fault(MANIFEST_NAME, str(error))
        return check.report()
    if manifest is None:
        check.fault(MANIFEST_NAME, "there is none: the folder is unfinished or was not made by nextlong-hub")
        return check.report()
    _open_tokenizers([tokenizer] if isinstance(tokenizer, str) else tokenizer or (), manifest, check)
    check_companions(folder, manifest, check)
    with TemporaryDirectory(prefix="nextlong-verify-") as scratch:
        claims: list[Claim] = []
        with tracker.stage("verify", len(manifest.files), "files") as done:
            taken: dict[str, Taken] = {}
            for name, config in manifest.configs.items():
                check.recipe = recorded_recipe(config.recipe)
                check.controls += [name] * config.is_control
                recipes = _recipes_of(config, benchmarks)
                if sources:
                    check.corpora = _read_corpora(Run.quiet(Path(scratch)), recipes, sources, manifest, check)
                check.checkers = {
                    recipe_name: producer_of(recipe).checker(recipe, check.tokenizer)
                    for recipe_name, recipe in config.row_recipes.items()
                }
                rows: list[RowDocument] = []
                first_row = 0
                for record in config.files:
                    check_file(folder, record, config, first_row, rows, check)
                    first_row += record.rows
                    done(1)
                check_preview(folder, name, config, check)
                done(len(config.published_files) - len(config.files))
                if config.taken and not any(fault.place.startswith(f"data/{name}/") for fault in check.faults):
                    taken[name] = _taken(rows)
                check_config(name, config, rows, manifest, check)
                check_portability(name, config, manifest, check)
                check_repeats(name, config, check)
                claims.append(Claim.of(name, config, recipes, check))
            check_apart(taken, manifest, check)
        if prove is not None:
            prove_claims(folder, claims, prove, check, tracker)
    if not check.faults and any(config.segments.negative for config in manifest.configs.values()):
        check.stats = measure_folder(folder, manifest)
    return check.report()


def _refuse(given: Mapping[str, object], why: str) -> None:
    """Refuse what a check has no use for.

    Raises:
        RecipeError: it was given.
    """
    names = [argument(name) for name, value in given.items() if value]
    if names:
        raise RecipeError(f"{why}; leave out {', '.join(names)}, or verify the dataset itself")


def _taken(rows: Sequence[RowDocument]) -> Taken:
    """The documents of the rows of a configuration, by the recipe that made the row."""
    taken: defaultdict[str, set[str]] = defaultdict(set)
    for found in rows:
        taken[found.id.partition("/")[0]].add(found.meta_document)
    return {owner: frozenset(documents) for owner, documents in sorted(taken.items())}


def _open_tokenizers(names: Sequence[str], manifest: Manifest, check: Check) -> None:
    """Open the given tokenizers; one that the dataset was not made with is a fault, and is used nevertheless."""
    check.made_for = max(1, len(manifest.portability))
    known = {record.digest for record in manifest.portability}
    for name in names:
        found = load_tokenizer(name)
        if found.digest in known - {manifest.tokenizer.digest}:
            check.others += (found,)
            check.finders[found.digest] = SpellingFinder(found)
            continue
        found.expect(round(sum(file.tokens for file in manifest.files) * manifest.tokenizer.characters_per_token))
        check.tokenizer = found
        if found.digest == manifest.tokenizer.digest:
            check.finders[found.digest] = SpellingFinder(found)
        else:
            check.fault(MANIFEST_NAME, f"made with tokenizer {manifest.tokenizer.digest}, but {name} is {found.digest}")


def _as_it_was_read(source: Source, manifest: Manifest) -> Source:
    """The source with the configuration, split, commit and limit that the manifest says, where it says nothing."""
    readings = {record.name: record.reading for record in manifest.corpus.sources}
    if not isinstance(source, SourceSettings) or source.name not in readings:
        return source
    parts = ("config", "split", "revision", "limit")
    said = {part: getattr(readings[source.name], part) for part in parts if getattr(source, part) is None}
    return source.model_copy(update=said)


def _recipes_of(config: ConfigRecord, benchmarks: Sequence[str]) -> dict[str, Recipe]:
    """The recipes behind a configuration, with the benchmarks that they name where these lie here.

    Raises:
        RecipeError: one is given that they do not name.
    """
    if benchmarks and not any(recipe.filters for recipe in config.row_recipes.values()):
        raise RecipeError(
            f"{config.recipe['name']} was not decontaminated; leave --decontaminate out: to look for benchmarks in its "
            "rows, build it again with that option"
        )
    return {name: recipe.with_filters_at(benchmarks) for name, recipe in config.row_recipes.items()}


def _with_columns_of(sources: Sequence[Source], manifest: Manifest) -> tuple[list[Source], list[str]]:
    """The sources, read by the columns of conversations that the manifest says; and those of which it says none."""
    recorded = {record.name: record.reading.record_columns for record in manifest.corpus.sources}
    found: list[Source] = []
    untold = []
    for source in sources:
        columns = recorded.get(source.name, ())
        if not isinstance(source, SourceSettings) or not source.record_columns:
            found.append(source)
            continue
        if not columns:
            untold.append(source.name)
        found.append(source.model_copy(update={"record_columns": columns or source.record_columns}))
    return found, untold


def _read_corpora(
    run: Run, recipes: Mapping[str, Recipe], sources: Sequence[Source], manifest: Manifest, check: Check
) -> dict[str, CorpusTexts]:
    """Read the corpus again for each recipe behind a configuration; recipes with equal settings share one reading."""
    sources = [_as_it_was_read(source, manifest) for source in sources]
    wanted = producer_of(next(iter(recipes.values()))).sources(sources, list(recipes.values()))
    given, untold = _with_columns_of(wanted, manifest)
    found = find_corpus(run, given, trusts_cache=False)
    check.found, check.is_same_corpus = found, found.digest == manifest.corpus.digest
    if not check.is_same_corpus and untold:
        check.remarks.append(
            f"whether the given corpus ({', '.join(untold)}) is the one that it was made of cannot be told: an earlier "
            "version made the dataset, and did not say in which columns it looked for conversations; each row was "
            "compared with what is found in them now"
        )
    elif not check.is_same_corpus:
        check.fault(
            MANIFEST_NAME, f"made from corpus {manifest.corpus.digest[:12]}, but the one given is {found.digest[:12]}"
        )
    secrets = manifest.corpus.secrets
    if secrets is not None and secrets.rules != RULES:
        check.remarks.append(
            "secrets were looked for by the rules of another version when the dataset was made; where it masks one "
            "that is not found now, or the other way round, the row differs from the corpus"
        )
    inputs = Inputs(corpus=found, tokenizers=(), seed=manifest.seed)
    return {
        name: CorpusTexts(producer_of(recipe).read(run, RowRequest(recipe=recipe, inputs=inputs)))
        for name, recipe in recipes.items()
    }
