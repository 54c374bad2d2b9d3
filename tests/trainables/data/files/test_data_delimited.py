from __future__ import annotations

import csv

import pytest
from data_samples import REAL_DATA, needs_real_data, rows_of, values_of
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.core.data_error import DataError
from trainables.data.files.origin import find
from trainables.data.files.reading import read

TWO = [{"text": "a, b", "label": "x"}, {"text": 'say "hi"', "label": "y"}]


def written(folder, name, text):
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain.csv", 'text,label\n"a, b",x\n"say ""hi""",y\n'),
        ("bom.csv", '\ufefftext,label\n"a, b",x\n"say ""hi""",y\n'),
        ("crlf.csv", 'text,label\r\n"a, b",x\r\n"say ""hi""",y\r\n'),
        ("no_final_newline.csv", 'text,label\n"a, b",x\n"say ""hi""",y'),
        ("blank_lines.csv", 'text,label\n\n"a, b",x\n\n"say ""hi""",y\n\n'),
        ("capitals.csv", 'Text, Label\n"a, b",x\n"say ""hi""",y\n'),
        ("semicolons.csv", 'text;label\na, b;x\n"say ""hi""";y\n'),
        ("tabs.csv", 'text\tlabel\na, b\tx\n"say ""hi"""\ty\n'),
        ("plain.tsv", 'text\tlabel\na, b\tx\nsay "hi"\ty\n'),
        ("crlf.tsv", 'text\tlabel\r\na, b\tx\r\nsay "hi"\ty'),
        ("quoted.tsv", 'text\tlabel\na, b\tx\n"say ""hi"""\ty\n'),
        ("no_header.tsv", 'a, b\tx\nsay "hi"\ty\n'),
        ("no_header.csv", '"a, b",x\n"say ""hi""",y\n'),
    ],
)
def test_the_same_records_come_from_every_way_of_writing_them(tmp_path, name, text):
    path = written(tmp_path, name, text)
    assert values_of(path) == TWO


@given(
    cells=st.lists(
        st.tuples(
            st.text(
                st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1
            ).filter(str.strip),
            st.sampled_from(["good", "bad"]),
        ),
        min_size=1,
    ),
    suffix=st.sampled_from(["csv", "tsv"]),
)
@settings(max_examples=60)
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, cells, suffix):
    """A TSV is written with quotes where a cell needs them, as spreadsheets do."""
    path = tmp_path_factory.mktemp("round") / f"rows.{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="," if suffix == "csv" else "\t", quoting=csv.QUOTE_ALL)
        writer.writerows([("text", "label"), *cells])
    assert [(value["text"], value["label"]) for value in values_of(path)] == cells


@pytest.mark.parametrize(
    "text",
    [
        '"the best film\t1\nbad\t0\n',
        '" quoted " only in part\t1\n"fine"\t0\n',
        '"a whole cell"\t1\nbad\t0\n',
        "it 's \"\t1\nbad\t0\n",
    ],
)
def test_quotes_that_are_no_quoting_stay_in_the_text_of_a_tsv(tmp_path, text):
    path = written(tmp_path, "rows.tsv", text)
    expected = [line.split("\t") for line in text.splitlines()]
    assert [[value["text"], value["label"]] for value in values_of(path)] == expected


def test_a_cell_may_hold_line_breaks_and_lines_count_on(tmp_path):
    path = written(tmp_path, "rows.csv", 'text,label\n"two\nlines",x\nlast,y\n')
    rows = rows_of(path)
    assert rows[0].value["text"] == "two\nlines"
    assert [row.where for row in rows] == [f"{path} line 2", f"{path} line 4"]


def test_a_cell_may_be_longer_than_the_csv_modules_limit(tmp_path):
    before = csv.field_size_limit()
    path = written(tmp_path, "rows.csv", f"text,label\n{'x' * 200_000},y\n")
    assert len(values_of(path)[0]["text"]) == 200_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("text", "names", "note"),
    [
        ("one\ntwo\n", ["text"], "no header; its one column is read as text"),
        ("a\t0\nb\t1\nc\t0\n", ["text", "label"], "column 0 is read as text, column 1 as label"),
        ("0\ta\n1\tb\n0\tc\n", ["label", "text"], "column 1 is read as text, column 0 as label"),
        ("0\t1\n1\t2\n", ["text", "label"], "column 0 is read as text, column 1 as label"),
    ],
)
def test_without_a_header_the_label_is_the_column_with_fewer_values(tmp_path, text, names, note):
    (origin,) = find(str(written(tmp_path, "rows.tsv", text))).origins
    found = read(origin)
    assert list(found.rows[0].value) == names
    assert found.notes == (
        f"rows.tsv: {note}" if "header" in note else f"rows.tsv: no header; {note}",
    )


def test_numbers_are_read_where_a_number_belongs_and_nowhere_else(tmp_path):
    path = written(tmp_path, "rows.csv", "text,reward,weight\n1984,0.5,\n2001,nan,2\n7,high,x\n")
    first, second, third = values_of(path)
    assert first == {"text": "1984", "reward": 0.5, "weight": None}
    assert second["text"] == "2001" and second["reward"] != second["reward"]
    assert third == {"text": "7", "reward": "high", "weight": "x"}


@pytest.mark.parametrize("name", ["rows.txt", "rows.txt.gz"])
def test_a_text_file_with_one_tab_in_each_line_is_a_tsv_for_classification(tmp_path, name):
    import gzip

    text = b'\xe4\xbd\x93 "\t8\n60\t5'
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    labelled = values_of(path, objective="classification")
    assert labelled == [{"text": '体 "', "label": "8"}, {"text": "60", "label": "5"}]
    assert values_of(path, objective="clm") == [{"text": text.decode()}]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "text,label\na,b\nc\n", "line 3 has 1 cells where the file began with 2"),
        ("a.tsv", "text\tlabel\na\tb\tc\n", "line 2 has 3 cells where the file began with 2"),
        ("a.csv", 'text,label\na,b\n"c,d\n', "line 3: unexpected end of data.*close its quotes"),
        ("a.csv", 'text,label\n"a"b,c\n', "line 2: ',' expected after"),
        ("a.csv", "text,label\n", "holds a header and no records"),
        ("a.csv", '""\n""', "contains only empty cells"),
        ("a.csv", "text,text\na,b\n", "line 1: two columns are named text"),
        ("a.csv", "1,2,3\n4,5,6\n", r"has 3 columns.*data.columns: \{text: 0, label: 1\}"),
        ("a.csv", "", "is empty"),
    ],
)
def test_a_table_that_cannot_be_read_says_where_and_why(tmp_path, name, text, said):
    path = written(tmp_path, name, text)
    with pytest.raises(DataError, match=f"^{path} {said}"):
        values_of(path)


@needs_real_data
@pytest.mark.parametrize(
    ("name", "count", "labels"),
    [
        ("cls/sst2_train.tsv", 6920, {"0": 3310, "1": 3610}),
        ("cls/sst2_dev.tsv", 872, {"0": 428, "1": 444}),
        ("cls/thucnews_dev.txt", 10000, {str(number): 1000 for number in range(10)}),
        ("bad/09_utf8_bom_crlf.csv", 30, {"neg": 10, "pos": 20}),
        ("bad/10_crlf.tsv", 30, {"0": 15, "1": 15}),
    ],
)
def test_real_tables_give_all_their_rows(name, count, labels):
    values = values_of(REAL_DATA / name, objective="classification")
    found = [value["label"] for value in values]
    assert len(values) == count
    assert {label: found.count(label) for label in sorted(set(found))} == labels
    assert all(value["text"].strip() == value["text"] for value in values)


AG_NEWS = [
    (str(n % 4 + 1), f"Title of item {n}", f"What happened to item {n}, told at length.")
    for n in range(12)
]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (1, 0, 2)])
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_several_columns_of_text_beside_one_of_classes_are_its_lines(tmp_path, order, suffix):
    path = tmp_path / f"rows.{suffix}"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="," if suffix == "csv" else "\t", quoting=csv.QUOTE_ALL)
        writer.writerows([row[place] for place in order] for row in AG_NEWS)
    (origin,) = find(str(path)).origins
    found = read(origin)
    expected = [{"text": f"{title}\n{body}", "label": label} for label, title, body in AG_NEWS]
    assert [row.value for row in found.rows] == expected
    label = order.index(0)
    texts = ", ".join(str(place) for place in range(3) if place != label)
    assert found.notes == (
        f"rows.{suffix}: no header; columns {texts} are read as text, column {label} as label",
    )


def test_a_header_of_unknown_names_is_no_class(tmp_path):
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("Class Index", "Head Line", "Long Story"), *AG_NEWS])
    said = r"first row \(Class Index, Head Line, Long Story\) looks like a header .*; name the col"
    with pytest.raises(DataError, match=said):
        values_of(path)
    values = values_of(path, {"text": "Head Line", "label": "Class Index"})
    assert (len(values), values[0]["text"], values[0]["label"]) == (12, "Title of item 0", "1")


@pytest.mark.parametrize(
    "rows",
    [
        [(n, n % 2, "some long text") for n in range(9)],
        [(n % 2, n % 3, "some long text", f"and {n} more") for n in range(9)],
    ],
)
def test_columns_that_tell_nothing_of_themselves_need_names(tmp_path, rows):
    path = tmp_path / "rows.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"columns and its first row names no known field; name"):
        values_of(path)


def test_a_first_label_that_is_also_a_fields_name_is_no_header(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("what is it?\tquestion\nit is a hall\tanswer\nwho?\tquestion\nme\tanswer\n")
    assert [value["label"] for value in values_of(path)] == ["question", "answer"] * 2
