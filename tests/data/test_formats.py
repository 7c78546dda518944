"""A random log survives every format, and real files of many kinds are read."""

from __future__ import annotations

import csv
import gzip
import io

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from table_files import refused, rows

from tfrs_bench.data.tabular import TableColumns, load_table

HEADLESS = TableColumns(names=("user", "item", "rating", "timestamp"))

# Anything printable; a line break in an id is refused, a lone surrogate is no text.
ids = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=6).filter(
    str.strip
)
events = st.lists(
    st.tuples(ids, ids, st.integers(0, 2_000_000_000), st.integers(-10, 10)), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None)
@given(drawn=events, kind=st.sampled_from(["csv", "tsv", "space", "parquet"]), zipped=st.booleans())
def test_a_random_log_survives_every_format(tmp_path_factory, drawn, kind, zipped):
    path = tmp_path_factory.mktemp("round") / "log"
    names = ["user", "item", "timestamp", "rating"]
    if kind == "parquet":
        parquet.write_table(
            pa.table(dict(zip(names, map(list, zip(*drawn, strict=True)), strict=True))), path
        )
    else:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter={"csv": ",", "tsv": "\t", "space": " "}[kind])
        writer.writerows([names, *drawn])
        content = text.getvalue().encode()
        path.write_bytes(gzip.compress(content) if zipped else content)
    separator = None if kind == "parquet" else {"csv": "comma", "tsv": "tab", "space": "space"}[kind]
    log = load_table(path, columns=TableColumns(separator=separator)).log
    distinct = list(dict.fromkeys(drawn))
    first = {user: place for place, user in reversed(list(enumerate(row[0] for row in distinct)))}
    assert rows(log) == sorted(distinct, key=lambda row: (first[row[0]], row[2]))


def test_real_files(real_data):
    sasrec = real_data("sasrec-ml-1m") / "ml-1m.txt.gz"
    assert "--columns=user,item --order=file" in refused(sasrec, order="file")
    log = load_table(sasrec, columns=TableColumns(names=("user", "item")), order="file").log
    assert (len(log), log.num_users, log.num_items) == (999_611, 6_040, 3_416)
    retail = real_data("online-retail") / "online_retail.csv.gz"
    assert "line 624: CustomerID is empty. Rows like this: 135,080 of 541,909." in refused(retail)
    loaded = load_table(retail, on_bad_rows="skip", items=retail)
    assert loaded.notes[0].startswith(
        "online_retail.csv.gz: 135,080 rows dropped, CustomerID is empty (lines 624,"
    )
    assert loaded.log.num_users == 4_372
    assert loaded.log.item_titles[0] == "WHITE HANGING HEART T-LIGHT HOLDER"
    music = load_table(real_data("amazon-digital-music") / "interactions.tsv.gz", columns=HEADLESS).log
    assert (len(music), music.num_users, music.num_items) == (95_303, 14_354, 10_026)
    grocery = load_table(real_data("amazon-grocery") / "train.csv.gz").log
    assert (len(grocery), grocery.num_users, grocery.num_items) == (121_892, 14_681, 8_687)
    folder = real_data("msr-ml-100k")
    split = load_table(folder / "train.csv", test_interactions=folder / "test.csv").log
    assert np.bincount(split.parts).tolist() == [75_066, 0, 24_934]
    small = load_table(real_data("ml-latest-small") / "ratings.csv").log
    assert (len(small), small.num_users, small.num_items) == (100_836, 610, 9_724)
