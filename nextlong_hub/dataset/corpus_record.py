"""What a manifest says of the corpus: its sources, how each was read, and under which licences its texts are."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nextlong_hub.hub.address import DatasetAddress, is_dataset_name


class Record(BaseModel):
    """A part of a manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LeftOutRecord(Record):
    """Files of a source that were not read, for one reason."""

    reason: str
    files: int
    examples: tuple[str, ...]
    """The first of their names, below the folder of the source."""


class OriginRecord(Record):
    """Documents whose rows name the same origin and licence."""

    source: str
    """Empty where the rows name none."""
    license: str
    """Empty where the rows name none."""
    documents: int
    characters: int


class FoundRecord(Record):
    """A document that a filter left out or barred in part."""

    document: str
    item: str
    """What it was compared with: of a benchmark, file and row."""
    words: str
    """What the two share."""


class EvidenceRecord(Record):
    """What filters found in documents that they left out or barred in part."""

    items: dict[str, int] = {}
    """Documents by the item that they share words with."""
    examples: tuple[FoundRecord, ...] = ()
    remarks: tuple[str, ...] = ()
    """What the filters could not look at."""


class SecretsRecord(Record):
    """Access tokens and keys that were found in the documents of a source, before anything was done about them."""

    rules: int
    """Version of the rules by which they were looked for."""
    kinds: dict[str, int] = {}
    """How many, by kind."""
    documents: int = 0
    """Documents that hold one."""


class ReadingRecord(Record):
    """How a source was read, and what of it was not."""

    config: str | None = None
    split: str | None = None
    revision: str | None = None
    """Commit of a source on the Hub."""
    limit: str | None = None
    """Reading stopped after so much."""
    held: str = ""
    """What the rows were that a Python caller held in memory: `pandas.DataFrame of 1,000 rows`; empty of files."""
    text_column: str = "text"
    id_column: str = "id"
    record_columns: tuple[str, ...] = ()
    """Where rows are conversations, the columns that these were looked for in; empty for texts, and of datasets that
    earlier versions made."""
    numbered: int = 0
    """Rows without an id, which are called by their file and place."""
    left_out: tuple[LeftOutRecord, ...] = ()
    unused_columns: dict[str, int] = {}
    """Values of columns and fields that no reader uses, by name."""
    unread_members: dict[str, int] = {}
    """Files within archives that no format reads, by ending."""
    origins: tuple[OriginRecord, ...] = ()
    """What the rows say of where they come from; empty where they say nothing."""
    languages: dict[str, int] = {}
    """Documents by the language that their rows say they are in, as they say it; empty where they say nothing."""
    evidence: EvidenceRecord = EvidenceRecord()
    secrets: SecretsRecord | None = None
    """What becomes of them the recipes say (`on_secret`). None in manifests of versions that did not look for any."""


class StatedRecord(Record):
    """A licence that is stated for the whole of a source."""

    license: str
    where: str
    """The name of the file that states it: of its card, of a licence file, of the manifest of the dataset that it is;
    or `info` of a dataset in memory."""


class SourceRecord(Record):
    """One named source of the corpus."""

    name: str
    path: str
    """As the user named it, without the folders of the user's machine."""
    license: str | None
    """As the user stated it; what the data state is in `stated` and in `reading.origins`."""
    insisted: bool = False
    """The user insisted on it, whatever the data state."""
    stated: tuple[StatedRecord, ...] = ()
    languages: tuple[str, ...] = ()
    """As the card of the source has them; empty where it says none."""
    weight: float | None
    documents: int
    characters: int
    reading: ReadingRecord = ReadingRecord()

    @property
    def licences(self) -> tuple[str | None, ...]:
        """All licences that its texts are under; None stands for texts of which none is stated."""
        if self.insisted:
            return (self.license,)
        whole = [*([self.license] if self.license else []), *(one.license for one in self.stated)]
        of_rows = [origin.license for origin in self.reading.origins] or [""]
        unsaid = [None] if "" in of_rows and not whole else []
        return tuple(dict.fromkeys([*whole, *filter(None, of_rows), *unsaid]))

    def said_by_data(self) -> dict[str, list[str]]:
        """Each licence that the data state, with the places that state it, in words."""
        places: dict[str, list[str]] = {}
        for one in self.stated:
            places.setdefault(one.license, []).append(one.where)
        counts: dict[str, int] = {}
        for origin in self.reading.origins:
            counts[origin.license] = counts.get(origin.license, 0) + origin.documents
        for license, documents in counts.items():
            if license:
                places.setdefault(license, []).append(f"{documents:,} {'row' if documents == 1 else 'rows'}")
        return places

    @property
    def hub_name(self) -> str | None:
        """The dataset of the Hub that it is read from; None of a local file."""
        address = DatasetAddress.parse(self.path)
        if address is not None:
            return address.name
        return self.path if is_dataset_name(self.path) and not Path(self.path).suffix else None


class CorpusRecord(Record):
    """What the samples were made from."""

    digest: str
    """Content identity of all source files."""
    documents: int
    chunks: int
    characters: int
    skipped: dict[str, int]
    """Documents left out, by reason."""
    barred: dict[str, int] = {}
    """Chunks that no row may hold, by reason."""
    barred_documents: int = 0
    """Documents that have such chunks; none of them is extended."""
    sources: tuple[SourceRecord, ...]

    @property
    def secrets(self) -> SecretsRecord | None:
        """The secrets of all sources; None where they were not looked for."""
        parts = [source.reading.secrets for source in self.sources]
        found = [one for one in parts if one is not None]
        if len(found) < len(parts) or not found:
            return None
        kinds: dict[str, int] = {}
        for one in found:
            for name, number in one.kinds.items():
                kinds[name] = kinds.get(name, 0) + number
        return SecretsRecord(
            rules=found[0].rules, kinds=dict(sorted(kinds.items())), documents=sum(one.documents for one in found)
        )
