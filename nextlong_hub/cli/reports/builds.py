"""The report of a build or of its dry run: outcomes, cost, and the next commands."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.sources import show_encoders, show_left_out, show_not_read, show_secrets
from nextlong_hub.cli.reports.spelled import show_spelled
from nextlong_hub.cli.reports.wording import LINE, count, show_controls, words
from nextlong_hub.core.printable import NOTHING, compact, counted, duration, size
from nextlong_hub.corpus.secrets import FATES, found_in_words
from nextlong_hub.corpus.telling import columns_seen
from nextlong_hub.dataset.links import THICKER_ROWS, thin_rows
from nextlong_hub.dataset.preview import told
from nextlong_hub.dataset.proportions import uneven_proportions
from nextlong_hub.dataset.stop_words import stop_words_phrases
from nextlong_hub.producer import producer_of
from nextlong_hub.recipe import default_config, recorded_recipe
from nextlong_hub.terminal import Rows, show_line, show_table, show_verbatim

if TYPE_CHECKING:
    from nextlong_hub.dataset.config_record import ConfigRecord, SelectionRecord, StopWordsRecord, SynthesisRecord
    from nextlong_hub.dry_run.estimate import BuildEstimate, ConfigEstimate
    from nextlong_hub.pipeline import BuildReport

_STAGES = ("retrieve", "synthesise", "converse", "take", "write")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRun:
    """One run of `build`, with its time and memory."""

    output: Path
    configs: tuple[str, ...]
    """The configurations of this run, in the order of the command line."""
    workers: int
    seconds: float
    """Wall-clock time."""
    peak_bytes: Mapping[str, int]
    """Peak resident memory of the `driver` and of the `largest_worker`; empty where it is unknown."""


def show_build(report: "BuildReport", run: BuildRun) -> None:
    """Print the closing table of a build, its time and memory, and the next commands."""
    records = [report.manifest.configs[name] for name in run.configs]
    stage_seconds = {time.stage: time.seconds for time in report.times}
    times = _time_rows(run.configs, stage_seconds)
    show_table([*_outcome_rows(records), LINE, *_content_rows(records), LINE, *times], run.configs)
    own = {f"{stage} {config}" for stage in _STAGES for config in run.configs}
    shared = [f"{stage} {duration(seconds)}" for stage, seconds in stage_seconds.items() if stage not in own]
    show_line(f"Other stages: {', '.join(shared)}. In all: {duration(run.seconds)}.")
    if run.peak_bytes:
        largest = f", {size(run.peak_bytes['largest_worker'])} in the largest of {run.workers} workers"
        show_line(
            f"Peak memory: {size(run.peak_bytes['driver'])} in the driver{largest if run.workers > 1 else ''}, "
            "files mapped into memory included."
        )
    show_encoders(report.manifest)
    _show_stop_words({name: found for one in records for name, found in one.row_stop_words.items()})
    show_not_read(report.manifest)
    show_left_out(report.manifest)
    show_secrets(report.manifest)
    for name, record in zip(run.configs, records, strict=True):
        recall = record.synthesis and record.synthesis.recall
        if recall is not None:
            show_line(f"{name}: approximate retrieval found {recall:.1%} of the exact answers, sampled.")
    for name, record in zip(run.configs, records, strict=True):
        if record.links and (thin := thin_rows(record.links.links.mean, record.links.meta_percent.mean)):
            show_line(f"{name}: {thin}; {THICKER_ROWS}.", "bold yellow")
    show_controls([name for name, record in zip(run.configs, records, strict=True) if record.is_control])
    for name, record in zip(run.configs, records, strict=True):
        if record.preview:
            show_line(told(name, record.preview))
    _show_warnings(report, records, run)
    show_line()
    total_bytes = sum(file.bytes for record in records for file in record.files)
    if report.unchanged:
        show_line(f"{run.output} was complete already: nothing was changed.", "bold")
    else:
        tokens = sum(record.tokens for record in records)
        rows = sum(record.rows for record in records)
        written = f"{rows:,} rows, {compact(tokens)} tokens, {size(total_bytes)}"
        show_line(f"Written to {run.output}: {written}. Next:", "bold")
    _show_next(run)


def _show_warnings(report: "BuildReport", records: "Sequence[ConfigRecord]", run: BuildRun) -> None:
    """What is not as it was asked for, or as it was before."""
    for name, missing in report.missing_rows.items():
        record = report.manifest.configs[name]
        reason = f"{producer_of(recorded_recipe(record.recipe)).runs_out}. Add documents for more"
        if record.synthesis and record.synthesis.given_up:
            reason = "hardly any candidate gave a row, see above"
        show_line(f"{name} has {record.rows:,} rows, {missing:,} fewer than asked for: {reason}.", "bold yellow")
    for name, removed in report.removed_rows.items():
        standing = report.manifest.configs[name].rows
        show_line(f"{name}: {removed:,} of the {standing + removed:,} rows that were there are removed.", "bold yellow")
    for name, record in zip(run.configs, records, strict=True):
        show_spelled(report.manifest, name)
        if uneven := uneven_proportions(record):
            show_line(f"{name} is {uneven}.", "bold yellow")
        if record.mix_share and record.mix_share.reason:
            said = record.mix_share
            show_line(
                f"{name}: {said.share:.1%} of the tokens are ordinary documents, not {said.wanted:.1%}: {said.reason}.",
                "bold yellow",
            )


def _show_stop_words(found: "Mapping[str, StopWordsRecord | None]", where: str = "") -> None:
    """Tell which stop words followed the corpus, by configuration."""
    for phrase in stop_words_phrases(found):
        show_line(f"Stop words: {phrase}{where}.")


def _show_next(run: BuildRun) -> None:
    from nextlong_hub.dataset.folder import load_path, pattern_characters

    config = default_config(run.configs)
    load = (
        f'from datasets import load_dataset; print(load_dataset("{load_path(run.output)}", "{config}", split="train"))'
    )
    if not pattern_characters(run.output):
        show_verbatim(f"  python -c {shlex.quote(load)}")
    show_verbatim(f"  nextlong-hub verify {shlex.quote(str(run.output))}")


def _outcome_rows(records: "Sequence[ConfigRecord]") -> Rows:
    """Outcomes of the candidates; a mixture has none of its own."""
    parts = [record.synthesis for record in records]
    reasons = sorted({reason for part in parts if part for reason in part.discarded})
    counts = [_outcome(part, reasons) if part else {} for part in parts]
    labels = list(dict.fromkeys(label for each in counts for label in each))
    return [(label, [count(each.get(label)) for each in counts]) for label in labels]


def _outcome(part: "SynthesisRecord", reasons: Sequence[str]) -> dict[str, int]:
    return {
        "candidates": part.candidates,
        "  kept": part.kept,
        **(
            {"    used": part.kept - part.left, "    left, as no more rows were asked for": part.left}
            if part.left
            else {}
        ),
        "    truncated": part.truncated,
        "    tokens cut": part.truncated_tokens,
        "  discarded": sum(part.discarded.values()),
        **{f"    {words(reason)}": part.discarded.get(reason, 0) for reason in reasons},
        **({"not tried, as hardly any gave a row": part.given_up} if part.given_up else {}),
        **({"queries": part.queries, "  unanswered": part.unanswered} if part.queries else {}),
        **({"near-duplicates passed over": part.near_duplicates} if part.queries else {}),
        **(_selection(part.selection) if part.selection else {}),
    }


def _selection(selection: "SelectionRecord") -> dict[str, int]:
    """What choices of the recipe passed over, and what a cut took of meta-chunks; nothing where nothing was."""
    further = {
        "rows with a relaxed guard": selection.relaxed,
        "rows cut in a meta-chunk": selection.cut_samples,
        "  meta-chunks cut off": selection.cut_meta_chunks,
    }
    return {
        **{f"{words(reason)}, passed over": number for reason, number in selection.passed_over.items()},
        **{label: number for label, number in further.items() if number},
    }


def _content_rows(records: "Sequence[ConfigRecord]") -> Rows:
    return [
        ("rows", [count(record.rows) for record in records]),
        ("tokens", [count(record.tokens) for record in records]),
        *_link_rows(records),
        *(_conversation_rows(records) if all(record.conversations for record in records) else _chunk_rows(records)),
        ("on disk", [size(sum(file.bytes for file in record.files)) for record in records]),
    ]


def _chunk_rows(records: "Sequence[ConfigRecord]") -> Rows:
    return [
        ("meta-chunks", [count(record.segments.meta) for record in records]),
        ("negatives", [count(record.segments.negative) for record in records]),
        ("  distinct", [count(record.segments.distinct_negatives) for record in records]),
    ]


def _link_rows(records: "Sequence[ConfigRecord]") -> Rows:
    links = [record.links for record in records]
    if not any(links):
        return []
    return [
        ("  links in a sample", [NOTHING if one is None else f"{one.links.mean:.2f}" for one in links]),
        ("  meta-document", [NOTHING if one is None else f"{one.meta_percent.mean:.2f}%" for one in links]),
    ]


def _conversation_rows(records: "Sequence[ConfigRecord]") -> Rows:
    """Rows about conversations, which are built alone."""
    parts = [(record.conversations, record.packing) for record in records]
    not_used = sorted({name for one, _ in parts if one for name in one.unused})
    return [
        ("  learnt", [count(one.learnt_tokens if one else None) for one, _ in parts]),
        ("fill", [NOTHING if packing is None else f"{packing.fill:.1%}" for _, packing in parts]),
        ("conversations", [count(packing.documents if packing else None) for _, packing in parts]),
        ("  ends without an answer left out", [count(one.unanswered if one else None) for one, _ in parts]),
        ("messages", [count(sum(one.messages.values()) if one else None) for one, _ in parts]),
        *(
            [("  answers not trained on", [count(one.not_learnt if one else None) for one, _ in parts])]
            if any(one and one.not_learnt for one, _ in parts)
            else []
        ),
        *(
            (f"not used: {name}", [count(one.unused.get(name, 0) if one else None) for one, _ in parts])
            for name in not_used
        ),
    ]


def _time_rows(configs: Sequence[str], stage_seconds: Mapping[str, float]) -> Rows:
    times = {stage: [stage_seconds.get(f"{stage} {config}") for config in configs] for stage in _STAGES}
    times = {stage: values for stage, values in times.items() if any(value is not None for value in values)}
    return [
        (f"time to {stage}", [NOTHING if value is None else duration(value) for value in values])
        for stage, values in times.items()
    ]


def show_estimate(estimate: "BuildEstimate", output: Path, workers: int, free_bytes: int) -> None:
    """Print what a build is expected to give and to cost, and what stands in its way."""
    show_line(
        f"An estimate from {estimate.sampled_documents:,} documents ({size(estimate.sampled_bytes)} of text). "
        "Nothing was written.",
        "bold",
    )
    show_line(
        f"Corpus:  about {estimate.documents:,} documents, {estimate.chunks:,} chunks, "
        f"{compact(estimate.tokens)} tokens of {estimate.characters_per_token:.2f} characters each."
    )
    for name, seen in estimate.columns.items():
        show_line(f"Columns: {name}: {columns_seen(seen.used, seen.unused, seen.unread_members)}.")
    if estimate.secrets.kinds:
        found = found_in_words(estimate.secrets.kinds, estimate.secrets.documents)
        show_line(f"Secrets: {found} of those looked at: {FATES[estimate.on_secret]}.", "bold yellow")
    show_line()
    show_table(_estimate_rows(estimate.configs), [config.config for config in estimate.configs])
    published = sum(config.published_bytes for config in estimate.configs)
    units = sum(config.unit_bytes for config in estimate.configs) + estimate.ingredient_bytes
    parts = {
        "published": published,
        "units": units,
        "text": estimate.store_bytes,
        "index": estimate.index_bytes,
        "tokens": estimate.token_bytes,
    }
    listed = ", ".join(f"{name} {size(value)}" for name, value in parts.items())
    show_line(f"Disk:    {size(estimate.disk_bytes)} ({listed}); {size(free_bytes)} are free at {output}.")
    largest = f", {size(estimate.worker_bytes)} in each of {workers} workers" if workers > 1 else ""
    show_line(f"Memory:  {size(estimate.driver_bytes)} in the driver{largest}.")
    show_line(f"Time:    about {duration(estimate.seconds)} with {counted(workers, 'worker')} on this machine.")
    if estimate.disk_bytes > free_bytes:
        show_line(f"Too little space at {output}: free {size(estimate.disk_bytes - free_bytes)} more.", "bold yellow")
    _show_stop_words({config.config: config.stop_words for config in estimate.configs}, " in the sample")
    for config in estimate.configs:
        if config.links and (thin := thin_rows(config.links, config.meta_percent or 0.0)):
            show_line(f"{config.config}: {thin}; {THICKER_ROWS}.", "bold yellow")
        if config.problem:
            show_line(f"{config.config}: {config.problem}.", "bold yellow")


def _estimate_rows(configs: "Sequence[ConfigEstimate]") -> Rows:
    reasons = sorted({reason for config in configs for reason in config.not_eligible})
    return [
        ("extendable documents", [count(config.eligible_documents) for config in configs]),
        *((f"  {words(reason)}", [count(c.not_eligible.get(reason)) for c in configs]) for reason in reasons),
        ("candidates", [count(config.candidates) for config in configs]),
        ("  kept", [NOTHING if c.kept_share is None else f"{c.kept_share:.0%}" for c in configs]),
        ("rows asked for", [count(config.asked_rows) for config in configs]),
        ("rows", [count(config.rows) for config in configs]),
        ("tokens", [count(config.tokens) for config in configs]),
        ("  links in a sample", [NOTHING if c.links is None else f"{c.links:.2f}" for c in configs]),
        ("  meta-document", [NOTHING if c.meta_percent is None else f"{c.meta_percent:.2f}%" for c in configs]),
        LINE,
        ("published files", [size(config.published_bytes) for config in configs]),
        ("units while it runs", [NOTHING if not c.unit_bytes else size(c.unit_bytes) for c in configs]),
        ("time", [duration(config.seconds) for config in configs]),
    ]
