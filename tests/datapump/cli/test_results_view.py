import io
import re
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from datapump.cli.results_view import ResultTable, daily_chart, daily_view, tables_view

FIRST = date(2026, 1, 10)
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
BLOCKS = " ▏▎▍▌▋▊▉█"


def printed(view, width=80, *, colour=False, encoding="utf-8"):
    """What a terminal or a file of this width would get."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        _environ={},
    )
    console.print(view)
    return raw.getvalue().decode(encoding)


def lines_of(view, width=80):
    return printed(view, width).splitlines()


def line_with(view, word, width=80):
    return next(line for line in lines_of(view, width) if word in line)


def day(number):
    return FIRST + timedelta(days=number)


def fires(areas=10, days=9):
    """Area `a` has `10 * (a + 1) + d` fires on day `d`."""
    return [(f"Area {a:02d}", day(d), 10 * (a + 1) + d) for a in range(areas) for d in range(days)]


def bar_of(line):
    return re.fullmatch(r"  \w{3} [ \d]\d \w{3} +[\d,]+ ?(.*?) *", line)[1]


def test_no_tables_and_no_fires_are_said_in_words():
    assert printed(tables_view([])) == "There are no result tables yet.\n"
    assert printed(daily_view([])) == "There are no fires to list.\n"
    assert printed(daily_chart([])) == "There are no fires to draw.\n"
    assert "no fires" in printed(daily_chart([("Asoru", FIRST, 0)]))


def test_tables_are_listed_by_name_with_their_sums():
    rows = [
        ResultTable("wdpa_protected_areas__viirs__daily_alerts", "v20260116", 1234, latest=True),
        ResultTable("gadm__viirs__adm2_daily_alerts", "v20260116", 5, latest=False),
    ]
    output = lines_of(tables_view(rows))
    gadm, wdpa = [line for line in output if "v20260116" in line]
    assert gadm.split() == ["gadm__viirs__adm2_daily_alerts", "v20260116", "5"]
    assert wdpa.split() == ["wdpa_protected_areas__viirs__daily_alerts", "v20260116", "1,234", "yes"]
    assert gadm.index("5 ") == wdpa.index("4 "), "numbers end in the same column"
    assert "2 tables, 1,239 rows" in output[-1]
    assert max(map(len, output)) <= 80


def test_one_of_a_kind_is_not_called_many():
    assert "1 table, 1 row" in printed(tables_view([ResultTable("abc", "v1", 1, latest=True)]))


def test_names_are_printed_as_they_are_not_as_markup():
    assert "[bold]Asoru[/bold] :fire:" in printed(daily_view([("[bold]Asoru[/bold] :fire:", FIRST, 3)]))
    assert "[bold]Asoru[/bold] :fire: 3" in printed(daily_chart([("[bold]Asoru[/bold] :fire:", FIRST, 3)]))


def test_the_daily_table_ranks_areas_sums_the_others_and_totals_both_ways():
    output = lines_of(daily_view(fires(areas=10, days=3), top=2))
    table = [line.split() for line in output if re.match(r"  (Area|all|Total)", line)]
    assert table == [
        ["Area", "10", "11", "12", "Total"],
        ["Area", "09", "100", "101", "102", "303"],
        ["Area", "08", "90", "91", "92", "273"],
        ["all", "others", "360", "368", "376", "1,104"],
        ["Total", "550", "560", "570", "1,680"],
    ]
    assert "10 to 12 January 2026" in output[0]


def test_rows_of_the_same_area_and_day_add_up():
    rows = [("Asoru", FIRST, 2), ("Asoru", FIRST, 3)]
    assert line_with(daily_view(rows), "Asoru").split() == ["Asoru", "5", "5"]


def test_a_day_without_fires_between_others_has_its_column():
    output = lines_of(daily_view([("Asoru", day(0), 2), ("Asoru", day(2), 3)]))
    assert ["Sat", "Sun", "Mon"] in [line.split() for line in output]
    assert line_with(daily_view([("Asoru", day(0), 2), ("Asoru", day(2), 3)]), "Asoru").split()[1:] == [
        "2",
        "0",
        "3",
        "5",
    ]


def test_nine_days_fit_into_eighty_columns():
    output = lines_of(daily_view(fires()))
    assert max(map(len, output)) <= 80
    assert "Not shown" not in output[-1]


def test_days_that_do_not_fit_are_left_out_and_counted():
    rows = [("Asoru", day(d), 1000) for d in range(40)]
    output = lines_of(daily_view(rows))
    shown = len(line_with(daily_view(rows), "Asoru").split()) - 2
    assert 5 <= shown < 40
    assert output[-1].strip() == f"Not shown: {(40 - shown) * 1000:,} fires on {40 - shown} earlier days."
    assert str(day(39).day) in line_with(daily_view(rows), "Area")


AREA_NAMES = st.sampled_from(["Asoru", "Port Ansel", "XDP.1.2_1", "A name that goes on and on, over the hills", "東部"])
ROWS = st.lists(
    st.tuples(AREA_NAMES, st.integers(0, 60).map(day), st.integers(0, 2_000_000)), min_size=1, max_size=40
).filter(lambda rows: any(count for _, _, count in rows))


@settings(max_examples=200)
@example([("A name that goes on and on, over the hills", FIRST, 100_000)], 50, 1)
@given(ROWS, st.integers(50, 160), st.integers(1, 9))
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(rows, width, top):
    for view in (daily_view(rows, top), daily_chart(rows, top)):
        assert max(map(cell_len, lines_of(view, width))) <= width
    assert not any(re.search(r"\d…", line) for line in lines_of(daily_view(rows, top), width))


@given(ROWS, st.integers(1, 9))
def test_the_daily_table_adds_up_to_what_it_got(rows, top):
    output = printed(daily_view(rows, top), 100)
    total = int(re.findall(r"Total .*?([\d,]+)\s*\n", output)[-1].replace(",", ""))
    left_out = re.search(r"Not shown: ([\d,]+) fire", output)
    assert total + (int(left_out[1].replace(",", "")) if left_out else 0) == sum(count for _, _, count in rows)


def test_bars_are_in_proportion_and_divided_by_area():
    rows = [("Asoru", day(0), 30), ("Benari", day(0), 10), ("Asoru", day(1), 20)]
    chart = daily_chart(rows)
    first, second = bar_of(line_with(chart, "Sat 10 Jan")), bar_of(line_with(chart, "Sun 11 Jan"))
    assert len(second) == pytest.approx(len(first) / 2, abs=1)
    assert set(first) == {"█", "░"}
    assert first.count("█") == pytest.approx(3 * first.count("░"), abs=2)
    assert set(second) == {"█"}


def test_the_chart_uses_the_width_there_is():
    narrow, wide = (max(map(len, lines_of(daily_chart(fires()), width))) for width in (80, 120))
    assert 70 <= narrow <= 80
    assert 105 <= wide <= 120


def test_the_legend_names_every_part_with_its_sum():
    output = printed(daily_chart(fires(areas=10, days=2), top=3))
    legend = output[output.rindex("Jan") :]
    assert re.search(r"█ Area 09 201 +░ Area 08 181 +▓ Area 07 161", legend)
    assert "· all others 567" in legend


def test_even_the_smallest_day_can_be_seen():
    rows = [("Asoru", day(0), 1_000_000), ("Benari", day(1), 1)]
    assert bar_of(line_with(daily_chart(rows), "Sun 11 Jan")) == "░"
    coloured = ESCAPE.sub("", printed(daily_chart(rows), colour=True))
    assert bar_of(next(line for line in coloured.splitlines() if "Sun 11 Jan" in line)) == "▏"


def test_with_colour_areas_differ_by_colour_and_bars_step_by_eighths():
    rows = [("Asoru", day(0), 1000), ("Benari", day(0), 333), ("Asoru", day(1), 501)]
    output = printed(daily_chart(rows), colour=True)
    assert "\x1b[38;2;230;159;0m" in output
    assert "\x1b[38;2;86;180;233m" in output
    bars = [bar_of(ESCAPE.sub("", line)) for line in output.splitlines() if " Jan  " in line]
    assert set("".join(bars)) <= set(BLOCKS)
    # One area alone: the bar's length in eighths is its share of the longest.
    eighths = [8 * (len(bar) - 1) + BLOCKS.index(bar[-1]) for bar in bars]
    assert eighths[1] / eighths[0] == pytest.approx(501 / 1333, abs=0.01)


def test_no_color_is_respected():
    raw = io.StringIO()
    console = Console(file=raw, width=80, force_terminal=True, _environ={"NO_COLOR": "1", "TERM": "xterm"})
    console.print(daily_chart(fires()))
    assert "38;2" not in raw.getvalue()
    assert "░" in raw.getvalue()


def test_a_terminal_without_unicode_gets_plain_characters():
    for view in (daily_chart(fires()), daily_view(fires()), tables_view([ResultTable("abc", "v1", 1, latest=True)])):
        assert printed(view, encoding="ascii").isascii()
    assert "#" in printed(daily_chart(fires()), encoding="ascii")


def test_a_long_quiet_time_is_one_line_and_an_old_one_a_note():
    rows = [("Asoru", day(-100), 7), ("Asoru", day(0), 2), ("Asoru", day(10), 3)]
    output = lines_of(daily_chart(rows))
    assert "  (9 days without fires)" in output
    assert "  (20 days without fires)" in output
    assert output[-1].strip() == "Not shown: 7 fires on 1 earlier day."


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (date(2026, 1, 10), "Fires per day, 10 January 2026"),
        (date(2026, 1, 12), "Fires per day, 10 to 12 January 2026"),
        (date(2026, 2, 2), "Fires per day, 10 January to 2 February 2026"),
    ],
)
def test_the_title_tells_the_days(last, words):
    assert lines_of(daily_chart([("Asoru", FIRST, 1), ("Asoru", last, 1)]))[0].strip() == words


def test_the_title_tells_both_years_over_new_year():
    rows = [("Asoru", date(2025, 12, 30), 1), ("Asoru", date(2026, 1, 2), 1)]
    assert lines_of(daily_chart(rows))[0].strip() == "Fires per day, 30 December 2025 to 2 January 2026"
