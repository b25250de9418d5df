"""Rows are handed out as a file in which no spreadsheet runs anything."""

from common.spreadsheets import file_of


def test_a_file_has_the_name_and_the_rows_with_texts_defused_and_numbers_kept() -> None:
    answer = file_of([("arm", "value"), ("=1+1", -3.5), ["-2", None]], name="spring")
    assert answer.content == b"arm,value\r\n'=1+1,-3.5\r\n-2,\r\n"
    assert answer["Content-Disposition"] == 'attachment; filename="spring.csv"'
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
