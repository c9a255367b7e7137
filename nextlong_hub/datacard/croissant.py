"""What the manifest knows as Croissant with its RAI vocabulary 1.0: a JSON-LD file for reviewers and catalogues.

Everything in it is counted or set; what nobody told us (creator, address, date, social impact, maintenance) is left
out, and named by `unknown`. The fields of the rows are in the Croissant that the Hub makes itself.
"""

from collections.abc import Iterator
from typing import Any

from nextlong_hub.core.printable import counted, listed
from nextlong_hub.datacard.decontamination import decontamination_of, decontaminations
from nextlong_hub.datacard.header import pretty_name, stated_languages
from nextlong_hub.datacard.licences import derive_licence
from nextlong_hub.datacard.sources import languages_of_rows
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.dataset.secrets import secrets_of
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval import Description, describe
from nextlong_hub.tokenization import EMBEDDED

RAI = "rai:"
CONFORMS_TO = ("http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0")
UNKNOWN = (
    *("url", "creator", "datePublished", "rai:dataSocialImpact", "rai:dataReleaseMaintenancePlan"),
    *("rai:dataCollectionTimeFrame", "rai:annotatorDemographics"),
)
"""Properties that a person must add, where they are wanted: nothing of ours knows them."""

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""That of the specification of Croissant 1.0, with the prefix of RAI."""
_MOST_LANGUAGES = 20
_PAPER = "https://arxiv.org/abs/2501.12766"
_KINDS = {
    "build": "Long samples made from short documents by the method NExtLong (arXiv:2501.12766)",
    "fit": "Long texts of an existing dataset, brought to one length in tokens",
    "import": "Rows of a dataset that was published elsewhere, token for token",
}


def make_croissant(manifest: Manifest) -> dict[str, Any]:
    """The description of a dataset, as JSON values; see the module."""
    licence = derive_licence([one for source in manifest.corpus.sources for one in source.licences])
    values: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": pretty_name(manifest),
        "description": f"{_what_it_is(manifest)}. {_amounts(manifest)}.",
        "conformsTo": list(CONFORMS_TO),
    }
    if licence.warning is None:
        values["license"] = licence.name or licence.licence
    if languages := stated_languages(manifest):
        values["inLanguage"] = languages
    based_on = [f"https://huggingface.co/datasets/{one.hub_name}" for one in manifest.corpus.sources if one.hub_name]
    if based_on:
        values["isBasedOn"] = based_on
    if _synthesised(manifest):
        values["citation"] = _PAPER
    values["isLiveDataset"] = False
    values["distribution"] = [
        {
            "@type": "cr:FileObject",
            "@id": file.path,
            "name": file.path,
            "contentUrl": file.path,
            "contentSize": f"{file.bytes} B",
            "encodingFormat": "application/x-parquet",
            "sha256": file.sha256,
        }
        for file in manifest.files
    ]
    texts = {
        "dataCollection": _collection(manifest),
        "dataCollectionType": ["Secondary Data analysis"],
        "dataCollectionMissingData": _missing(manifest),
        "dataCollectionRawData": list(_raw_data(manifest)),
        "dataPreprocessingProtocol": list(_preprocessing(manifest)),
        "dataAnnotationProtocol": _annotation(manifest),
        "machineAnnotationTools": [f"nextlong-hub {manifest.version}"] if _synthesised(manifest) else [],
        "dataUseCases": [_use(manifest)],
        "dataBiases": list(_biases(manifest)),
        "dataLimitations": [*_limitations(manifest), *([licence.warning] if licence.warning else [])],
        "personalSensitiveInformation": [_sensitive(manifest)],
    }
    return values | {f"{RAI}{name}": value for name, value in texts.items() if value}


def _synthesised(manifest: Manifest) -> dict[str, ConfigRecord]:
    """The configurations whose rows hold negatives."""
    return {name: config for name, config in manifest.configs.items() if config.segments.negative}


def _recipes(manifest: Manifest) -> list[Recipe]:
    return [recipe for config in manifest.configs.values() for recipe in config.row_recipes.values()]


def _descriptions(manifest: Manifest) -> list[Description]:
    recipes = [recipe for config in _synthesised(manifest).values() for recipe in config.row_recipes.values()]
    return list(dict.fromkeys(describe(recipe.retrieval) for recipe in recipes))


def _is_conversations(manifest: Manifest) -> bool:
    return any(config.conversations for config in manifest.configs.values())


def _what_it_is(manifest: Manifest) -> str:
    if _is_conversations(manifest):
        return "Conversations under a chat template, several to a row, with a loss mask"
    return _KINDS[manifest.kind]


def _amounts(manifest: Manifest) -> str:
    each = [
        f"{name}: {counted(config.rows, 'row')}, {config.tokens:,} tokens" for name, config in manifest.configs.items()
    ]
    return f"Tokens are counted by {_tokenizer(manifest.tokenizer.name)}. {'; '.join(each)}"


def _tokenizer(name: str) -> str:
    return "GPT-2" if name == EMBEDDED else name


def _collection(manifest: Manifest) -> str:
    corpus = manifest.corpus
    return (
        f"No text was written or collected for this dataset: {counted(corpus.documents, 'document')} "
        f"({corpus.characters:,} characters) of {counted(len(corpus.sources), 'existing source')} were read by "
        f"nextlong-hub {manifest.version}, and the rows were made of them with the seed {manifest.seed}. The content "
        f"of all source files has the digest {corpus.digest}."
    )


def _missing(manifest: Manifest) -> str:
    corpus = manifest.corpus
    said = [f"documents that were left out: {listed(corpus.skipped)}"] if corpus.skipped else []
    if corpus.barred:
        said.append(f"chunks that no row may hold: {listed(corpus.barred)}")
    for source in corpus.sources:
        said += [
            f"{one.files:,} files of {source.name} were not read ({one.reason})" for one in source.reading.left_out
        ]
        if source.reading.limit:
            said.append(f"reading of {source.name} stopped after {source.reading.limit}")
    for name, config in manifest.configs.items():
        if config.synthesis and config.synthesis.discarded:
            said.append(f"candidates of {name} that became no row: {listed(config.synthesis.discarded)}")
    return f"{'; '.join(said)}." if said else "No document that was read was left out."


def _raw_data(manifest: Manifest) -> Iterator[str]:
    for source in manifest.corpus.sources:
        reading = source.reading
        place = reading.held or source.path
        parts = [("configuration", reading.config), ("split", reading.split), ("commit", reading.revision)]
        part = "".join(f", {name} {value}" for name, value in parts if value)
        licences = ", ".join(one or "not stated" for one in source.licences)
        yield (
            f"{source.name}: {place}{part}; {counted(source.documents, 'document')}, {source.characters:,} characters; "
            f"licence: {licences}"
        )


def _preprocessing(manifest: Manifest) -> Iterator[str]:
    synthesised = _synthesised(manifest)
    for recipe in {recipe.name: recipe for recipe in _recipes(manifest)}.values():
        length = f"{recipe.target_length:,} tokens"
        if any(recipe.name in config.row_recipes for config in synthesised.values()):
            yield (
                f"{recipe.name}: each document was cut into meta-chunks of up to {recipe.chunking.chunk_characters:,} "
                "characters, chunks of other documents were put between or behind them, and the whole was cut to "
                f"{length}"
            )
        else:
            yield f"{recipe.name}: documents were brought to {length}"
    yield f"Tokenizer {_tokenizer(manifest.tokenizer.name)}, digest {manifest.tokenizer.digest}"
    if secrets := secrets_of(manifest):
        yield secrets
    for found in [one for recipe in _recipes(manifest) if (one := decontamination_of(recipe))][:1]:
        names = ", ".join(str(benchmark) for benchmark in found.against)
        yield f"Compared with the benchmarks {names}: runs of {found.run_words} words that both hold"


def _annotation(manifest: Manifest) -> str:
    if not _synthesised(manifest):
        return "Nothing was annotated; `segments` say which characters of a row are of which document."
    how = " ".join(one.ranking for one in _descriptions(manifest))
    return (
        "No person annotated anything for this dataset. `segments` say of every chunk of a row its role (meta or "
        f"negative), document, place, tokens, rank and score, as they were computed when the row was made. {how}"
    ).strip()


def _use(manifest: Manifest) -> str:
    lengths = sorted({int(config.recipe["target_length"]) for config in manifest.configs.values()})
    sizes = " and ".join(f"{length:,}" for length in lengths)
    if _is_conversations(manifest):
        return f"Supervised fine-tuning of language models on rows of {sizes} tokens"
    if any(config.is_control for config in manifest.configs.values()):
        return "To compare other training data with: some rows were made without a search for hard negatives"
    return f"Training of language models on contexts of {sizes} tokens"


def _biases(manifest: Manifest) -> Iterator[str]:
    for one in _descriptions(manifest):
        if one.nature:
            yield f"{one.nature}. {one.advice}".strip()
    for name, config in _synthesised(manifest).items():
        segments = config.segments
        yield (
            f"{name}: {segments.distinct_negatives:,} different chunks make up its {segments.negative:,} negatives; "
            f"the most used one stands in {counted(segments.largest_reuse, 'row')} (Gini index of reuse "
            f"{segments.reuse_gini:.2f})"
        )
        total = sum(segments.negative_tokens.values())
        if len(segments.negative_tokens) > 1 and total:
            shares = ", ".join(f"{own} {tokens / total:.0%}" for own, tokens in segments.negative_tokens.items())
            yield f"{name}: tokens of negatives by source: {shares}"
    for source in manifest.corpus.sources:
        if languages := languages_of_rows(source):
            yield (
                f"{source.name}: its rows state languages, for {sum(languages.values()):,} of {source.documents:,} "
                f"documents: {listed(dict(list(languages.items())[:_MOST_LANGUAGES]))}"
            )
    if not stated_languages(manifest):
        yield "No source states its languages, and the balance between them was not measured"


def _limitations(manifest: Manifest) -> Iterator[str]:
    for name, config in _synthesised(manifest).items():
        if config.links:
            yield (
                f"{name}: rows are no natural documents: on average {config.links.meta_percent.mean:.1f} % of a row is "
                "the document that was extended, and the rest is of other documents"
            )
    tokenizers = [_tokenizer(one.name) for one in manifest.portability] or [_tokenizer(manifest.tokenizer.name)]
    yield f"Rows have their length under {', '.join(tokenizers)} only"
    if not decontaminations(manifest):
        yield "Not all rows were compared with benchmarks: they may hold their questions"
    for name, config in manifest.configs.items():
        if config.spelled and config.spelled.rows:
            yield f"{name}: {counted(config.spelled.rows, 'row')} {config.spelled}"
        if config.not_exact:
            yield f"{name}: the text of {counted(config.not_exact, 'document')} does not encode to its tokens"


def _sensitive(manifest: Manifest) -> str:
    found = secrets_of(manifest) or "Access tokens and keys were not looked for"
    return (
        f"{found}. No other personal or sensitive information was looked for: what the sources hold may be in the rows."
    )
