"""Columns as `datasets` takes them, which is how the Hub's viewer reads a dataset."""

import pyarrow as pa


def unreadable_columns(schema: pa.Schema) -> dict[str, str]:
    """The columns that `datasets` cannot take, each with why."""
    import datasets

    found = {}
    for field in schema.remove_metadata():
        try:
            datasets.Features.from_arrow_schema(pa.schema([field]))
        except Exception as error:  # whatever it makes of a type that it does not know
            found[field.name] = f"{field.type}: {' '.join(str(error).split())[:200]}"
    return found
