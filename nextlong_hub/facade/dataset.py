"""`LongDataset`: a dataset folder, or a dataset on the Hub, and all that can be done with it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from nextlong_hub.core.printable import did_you_mean
from nextlong_hub.corpus.given import as_sources
from nextlong_hub.dataset.locate import locate
from nextlong_hub.errors import DataError, RecipeError, argument
from nextlong_hub.execution.local import default_workers
from nextlong_hub.execution.progress import Progress
from nextlong_hub.explore import SampleView, Split
from nextlong_hub.explore import open as open_split
from nextlong_hub.facade.checks import a_count, a_path, a_place, a_text, several
from nextlong_hub.facade.tree import as_html, as_text
from nextlong_hub.facade.watching import watched
from nextlong_hub.recipe import default_config
from nextlong_hub.tokenization.in_memory import as_names

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure

    from nextlong_hub.dataset.manifest import Manifest
    from nextlong_hub.explore.page.page import PageReport
    from nextlong_hub.exports.run import ExportReport
    from nextlong_hub.facade.cards import Card
    from nextlong_hub.pipeline import BuildReport, FitReport, ImportReport
    from nextlong_hub.publish.push import PushReport
    from nextlong_hub.stats import DatasetStats
    from nextlong_hub.verification import VerifyReport

PathOrName = str | os.PathLike[str]


def open(where: PathOrName, config: str | None = None, *, revision: str | None = None) -> "LongDataset":
    """Open a dataset folder, a folder of Parquet files, or a dataset on the Hub; rows are read on access.

    Args:
        where: A path, `user/name`, or `hf://datasets/user/name`.
        config: The configuration that is meant where a method is not told another one; None takes `128k` where there is
            one, else the first.
        revision: Branch, tag or commit of a dataset on the Hub.

    Raises:
        DataError: nothing is there, or it has no such configuration.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    return LongDataset(where, config, revision=revision)


class LongDataset:
    """A dataset folder, or a dataset on the Hub; made by `build`, `fit`, `import_rows` and `open`.

    Methods that take a configuration mean the one that was opened, or built alone, where none is named. `ds["64k"]`
    is a configuration with its samples, statistics and plots.
    """

    def __init__(
        self,
        where: PathOrName,
        config: str | None = None,
        *,
        revision: str | None = None,
        report: "BuildReport | FitReport | ImportReport | None" = None,
    ) -> None:
        self._location = locate(a_place("where", where), a_text("revision", revision))
        self._chosen = None if config is None else self._existing(config)
        self.report = report
        """What the call that made the folder did; None of a dataset that was opened."""

    @property
    def where(self) -> str:
        """The path or name that it was opened by."""
        return self._location.name

    @property
    def folder(self) -> Path | None:
        """The folder; None of a dataset on the Hub."""
        return self._location.folder

    @property
    def revision(self) -> str | None:
        """The commit that is read, of a dataset on the Hub."""
        return self._location.commit

    @property
    def configs(self) -> tuple[str, ...]:
        """The names of its configurations."""
        return tuple(self._location.configs)

    @property
    def config(self) -> str:
        """The configuration that is meant where none is named."""
        return self._chosen or default_config(self.configs)

    @property
    def manifest(self) -> "Manifest | None":
        """Everything that it says about itself; None when it was not made by nextlong-hub."""
        return self._location.manifest

    def __getitem__(self, config: str) -> Split:
        return self.split(config)

    def __iter__(self) -> Iterator[str]:
        return iter(self.configs)

    def __len__(self) -> int:
        return len(self.configs)

    def split(self, config: str | None = None) -> Split:
        """One configuration: its samples, its rows as Arrow batches, its statistics and plots.

        Raises:
            DataError: there is no such configuration, or its files lack the columns of a row.
            AuthError, NetworkError: the Hub refused, or could not be reached.
        """
        return open_split(self.where, self._meant(config), revision=self.revision)

    def sample(self, which: int | str = 0, config: str | None = None) -> SampleView:
        """One row by its number, from the end when negative, or by its id, with its segments.

        Raises:
            DataError: there is no such row or configuration, or a file is damaged.
            AuthError, NetworkError: the Hub refused, or could not be reached.
        """
        return self.split(config).sample(which)

    def load(self, config: str | None = None, *, num_proc: int | None = None) -> Any:
        """The rows as a `datasets.Dataset`.

        Args:
            config: Its configuration.
            num_proc: Processes that read files.

        Raises:
            DataError: there is no such configuration, or its files cannot be read.
            AuthError, NetworkError: the Hub refused, or could not be reached.
        """
        from nextlong_hub.load_dataset.load import read_rows

        return read_rows(self._location, self._meant(config), num_proc=num_proc)

    def to_iterable(self, config: str | None = None) -> Any:
        """The rows as a `datasets.IterableDataset`, which reads them as they are needed.

        Raises:
            DataError, AuthError, NetworkError: see `load`.
        """
        from nextlong_hub.load_dataset.load import read_rows

        return read_rows(self._location, self._meant(config), streaming=True)

    def to_arrow(self, config: str | None = None, *, columns: Sequence[str] | None = None) -> "pa.Table":
        """The rows as a pyarrow Table; no other column than `columns` is read.

        Raises:
            DataError: there is no such configuration or column, or a file is damaged.
            AuthError, NetworkError: the Hub refused, or could not be reached.
        """
        import pyarrow as pa

        split = self.split(config)
        batches = list(split.rows(None if columns is None else several("columns", columns)))
        return pa.Table.from_batches(batches) if batches else split.stored.schema.empty_table()

    def to_pandas(self, config: str | None = None, *, columns: Sequence[str] | None = None) -> Any:
        """The rows as a `pandas.DataFrame`.

        Raises:
            DataError, AuthError, NetworkError: see `to_arrow`; pandas is not installed.
        """
        table = self.to_arrow(config, columns=columns)
        try:
            return table.to_pandas()
        except ImportError as error:
            raise DataError("pandas is not installed; run `pip install pandas`, or take to_arrow()") from error

    def to_polars(self, config: str | None = None, *, columns: Sequence[str] | None = None) -> Any:
        """The rows as a `polars.DataFrame`.

        Raises:
            DataError, AuthError, NetworkError: see `to_arrow`; polars is not installed.
        """
        try:
            import polars
        except ImportError as error:
            raise DataError("polars is not installed; run `pip install polars`, or take to_arrow()") from error
        return polars.from_arrow(self.to_arrow(config, columns=columns))

    def stats(self, *configs: str) -> "DatasetStats":
        """All statistics of its configurations, or of those named, from one pass over the columns that are needed.

        Raises:
            DataError: there is no such configuration, a file is damaged, or rows have no token counts.
            AuthError, NetworkError: the Hub refused, or could not be reached.
        """
        from nextlong_hub.stats import measure

        return measure(self.where, [self._existing(name) for name in configs], revision=self.revision)

    def card(
        self, *, language: Sequence[str] = (), pretty_name: str | None = None, plots: bool = True, force: bool = False
    ) -> "Card":
        """Write the card of a folder from what is in it, and give it; of a dataset on the Hub, read it.

        What people wrote into the card stays.

        Args:
            language: Codes of the languages of the texts: `["en"]`.
            pretty_name: Name at the head of the dataset's page.
            plots: Draw pictures.
            force: Replace pictures that have the names of ours and are not.

        Raises:
            DataError: the folder is not finished, or the card cannot be read.
            ConflictError: another process is writing the folder, or a picture that is not ours is in the way.
            AuthError, NetworkError: the Hub refused, or could not be reached.
            StorageError: no space, or no permission.
        """
        from nextlong_hub.facade.cards import read_card, write_card

        if self.folder is None:
            return read_card(self._location)
        values = {"language": list(several("language", language)), "pretty_name": a_text("pretty-name", pretty_name)}
        given = {key: value for key, value in values.items() if value}
        return write_card(self.folder, plots=plots, values=given, force=force)

    def view(
        self,
        page: PathOrName = "page.html",
        *configs: str,
        rows: int | None = None,
        row: str | Sequence[str] = (),
        force: bool = False,
    ) -> "PageReport":
        """Write rows as one HTML page: each sample as a strip, its text, and where every segment comes from.

        Args:
            page: The file to write.
            configs: Configurations to show; none means the one that was opened, else all.
            rows: Rows of each; None takes five, or fewer where they exceed 8 MB.
            row: Show these rows, by id or number.
            force: Replace the file even if it is no page of ours.

        Raises:
            DataError: there is no such configuration or row, or there is no text.
            ConflictError: a file is there that is no page of ours.
            AuthError, NetworkError: the Hub refused, or could not be reached.
            StorageError: the file cannot be written.
        """
        from nextlong_hub.explore.page.page import write_page

        shown = [self._existing(name) for name in configs] or ([self._chosen] if self._chosen else [])
        return write_page(
            self.where,
            a_path("page", page),
            shown,
            rows=None if rows is None else a_count("rows", rows),
            wanted=several("row", row),
            revision=self.revision,
            force=force,
        )

    def verify(
        self,
        *,
        corpus: Any = None,
        tokenizer: Any = None,
        prove: int | str | None = None,
        prove_seed: int = 0,
        progress: Progress | bool | None = None,
    ) -> "VerifyReport":
        """Check a folder: every file, row and segment; of a dataset on the Hub every file's size and sha256.

        Args:
            corpus: The corpus, to rebuild each text from it: see `build`.
            tokenizer: The tokenizer, to encode each text again.
            prove: Of how many rows of each configuration chunks, scores and the choice of negatives are derived again
                from the corpus, by slow code that shares nothing with the build: `20`, `"1%"` or `"all"`.
            prove_seed: Which rows these are.
            progress: Whether progress is shown.

        Returns:
            A report; it is `ok` where `faults` is empty. Of a dataset on the Hub no row is read.

        Raises:
            RecipeError: corpus, tokenizer or rows to prove are given for a dataset on the Hub, or are none; or rows are
                to be proven without a corpus.
            DataError: the corpus or the tokenizer cannot be read.
            AuthError, NetworkError: the Hub refused, or could not be reached.
        """
        from nextlong_hub.proof import parse_amount
        from nextlong_hub.verification import VerifyReport, verify

        amount = None if prove is None else parse_amount(str(prove), prove_seed)
        if self.folder is None:
            if corpus is not None or tokenizer is not None or prove is not None:
                raise RecipeError(
                    f"{argument('corpus')}, {argument('tokenizer')} and {argument('prove')} need the rows, which a "
                    "check on the Hub does not download; download the dataset, open its folder and verify that"
                )
            from nextlong_hub.hub.address import DatasetAddress, dataset_name
            from nextlong_hub.publish.remote_check import verify_remote

            parsed = DatasetAddress.parse(self.where)
            name = parsed.name if parsed else dataset_name(self.where)
            found = verify_remote(str(DatasetAddress(name=name, revision=self.revision)))
            return VerifyReport(
                faults=found.faults,
                files=found.files,
                rows=found.rows,
                segments=0,
                encoded_rows=0,
                encoded_twice=0,
                rebuilt_rows=0,
            )

        sources = () if corpus is None else as_sources(corpus)
        with TemporaryDirectory(prefix="nextlong-tokenizer-") as scratch, watched(progress) as shown:
            names = () if tokenizer is None else as_names(tokenizer, Path(scratch))
            return verify(self.folder, sources=sources, tokenizer=names, progress=shown, prove=amount)

    def export(
        self,
        format: str,
        config: str | None = None,
        output: PathOrName | None = None,
        *,
        tokenizer: Any = None,
        pack: int | str | None = None,
        shard_bytes: int | str | None = None,
        compression: Literal["zstd"] | None = None,
        by_source: bool = False,
        hash: str | Sequence[str] = (),
        token_bytes: Literal[2, 4] | None = None,
        eos: Literal["keep", "fit", "append"] | None = None,
        eos_id: int | None = None,
        force: bool = False,
        num_proc: int | None = None,
        progress: Progress | bool | None = None,
    ) -> "ExportReport":
        """Write a configuration in the form that a trainer reads.

        Args:
            format: `mds`, `megatron`, `trl`, `axolotl`, …: a name that is unknown is told the others.
            config: Its configuration.
            output: The new folder; None is called by dataset, configuration and format: `nextlong-64k-mds`.
            tokenizer: Encode the texts anew with this tokenizer; None takes the stored tokens.
            pack: Pack documents into rows of so many tokens.
            shard_bytes: Close a file from this size.
            compression: Compress the files, where the format can.
            by_source: A folder for each source, where the format can.
            hash: Digests to put into the index, where the format has one.
            token_bytes: Bytes of a token; None by the vocabulary.
            eos: How each document ends: `keep` as it is, `fit` with the EOS in the place of its last token, `append`
                with the EOS behind it; None by the format.
            eos_id: The id of the EOS; None asks the tokenizer.
            force: Replace another export, or files of the folder that are not ours.
            num_proc: Threads that encode texts.
            progress: Whether progress is shown.

        Returns:
            A report; `folder` is where the files are.

        Raises:
            RecipeError: there is no such format, or it does not support the request.
            DataError: the rows cannot be read, or one does not fit the format.
            ConflictError: `output` holds something else.
            AuthError, NetworkError: the Hub refused, or could not be reached.
            StorageError: no space, or no permission.
        """
        from nextlong_hub.exports.options import ExportRequest
        from nextlong_hub.exports.run import export

        name = self._meant(config)
        default = f"{Path(self.where).resolve().name if self.folder else self.where.rpartition('/')[2]}-{name}-{format}"
        with TemporaryDirectory(prefix="nextlong-tokenizer-") as scratch, watched(progress) as shown:
            tokenizers = () if tokenizer is None else as_names(tokenizer, Path(scratch))
            if len(tokenizers) > 1:
                raise RecipeError(f"{argument('tokenizer')} names {len(tokenizers)} tokenizers; an export has one")
            request = ExportRequest(
                format=a_place("format", format),
                config=name,
                tokenizer=tokenizers[0] if tokenizers else None,
                pack_tokens=None if pack is None else a_count("pack", pack),
                shard_bytes=None if shard_bytes is None else a_count("shard-bytes", shard_bytes),
                compression=compression,
                by_source=by_source,
                hashes=several("hash", hash),
                token_bytes=token_bytes,
                eos=eos,
                eos_id=eos_id,
            )
            threads = default_workers() if num_proc is None else a_count("num-proc", num_proc)
            folder = Path(default) if output is None else a_path("output", output)
            return export(self._pinned(), request, folder, threads=threads, force=force, progress=shown)

    def push(
        self,
        name: str,
        *,
        private: bool | None = None,
        revision: str = "main",
        create_pr: bool = False,
        message: str | None = None,
        remove_foreign: bool = False,
        progress: Progress | bool | None = None,
    ) -> "PushReport":
        """Publish the folder as a dataset of the Hub, in one commit; a push that was interrupted goes on.

        Args:
            name: `USER/NAME`; created when it does not exist.
            private: Who may see a dataset that is new; that of one which is there is never changed.
            revision: The branch.
            create_pr: Open a pull request instead.
            message: First line of the commit message.
            remove_foreign: Remove data files there that no push of ours put there.
            progress: Whether progress is shown.

        Raises:
            RecipeError: it is on the Hub already.
            DataError: the folder is not finished, does not match its manifest, or may not be published.
            AuthError, NetworkError: there is no login, it may not write there, or the Hub did not answer.
            ConflictError: the repository has another visibility, changes all the time, or holds other data.
            StorageError: no space, here or on the Hub.
        """
        from nextlong_hub.publish.push import push

        if self.folder is None:
            raise RecipeError(f"{self.where} is on the Hub already; push a dataset folder")
        with watched(progress) as shown:
            return push(
                self.folder,
                a_place("name", name),
                private=private,
                revision=a_place("revision", revision),
                create_pr=create_pr,
                message=a_text("message", message),
                remove_foreign=remove_foreign,
                progress=shown,
            )

    def plot_lengths(self, config: str | None = None) -> "Figure":
        """Tokens of the rows, against the target length; see `Split.plot_lengths`."""
        return self.split(config).plot_lengths()

    def plot_scores(self, config: str | None = None) -> "Figure":
        """Scores of hard negatives by their rank; see `Split.plot_scores`."""
        return self.split(config).plot_scores()

    def plot_distances(self, config: str | None = None) -> "Figure":
        """Tokens between a meta-chunk and the next; see `Split.plot_distances`."""
        return self.split(config).plot_distances()

    def plot_sources(self, config: str | None = None) -> "Figure":
        """Tokens by source; see `Split.plot_sources`."""
        return self.split(config).plot_sources()

    def __repr__(self) -> str:
        return as_text(self._location, self._missing())

    def _repr_html_(self) -> str:
        return as_html(self._location, self._missing())

    def _missing(self) -> dict[str, int]:
        """Rows that were asked for and could not be made, by configuration."""
        return dict(getattr(self.report, "missing_rows", {}))

    def _meant(self, config: str | None) -> str:
        return self.config if config is None else self._existing(config)

    def _existing(self, config: Any) -> str:
        if isinstance(config, str):
            self._location.refuse_preview(config)
        if not isinstance(config, str) or config not in self.configs:
            said = repr(config) if isinstance(config, str) else f"of type {type(config).__name__}"
            hint = did_you_mean(config, self.configs) if isinstance(config, str) else ""
            raise DataError(f"{self.where} has no configuration {said}; it has: {', '.join(self.configs)}{hint}")
        return config

    def _pinned(self) -> str:
        """Where it is, at the commit that was opened."""
        return self.where if self.folder is not None else self._location.root
