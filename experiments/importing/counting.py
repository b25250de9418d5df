"""A file with a row for each customer becomes exact sums for each arm: counts, squares and products."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from customers.importing.people.files import ListFile, rows
from experiments.importing.mapping import (
    PLACES,
    ColumnMapping,
    ImportProblem,
    amount_reader,
    check_name,
    reader_of,
)

MOST_ARMS = 10
MOST_PROBLEMS = 20
MOST_REMEMBERED = 100_000
_EVERY = 20_000
Read = Callable[[str], int]


@dataclass(slots=True)
class MetricSums:
    """One metric over an arm's customers: Σy, Σy², how many have some (y ≠ 0), and Σxy with what was before."""

    total: int = 0
    squares: int = 0
    some: int = 0
    products: int = 0


@dataclass(slots=True)
class ArmSums:
    """One arm: its customers, Σx and Σx² of what was known before, and its metrics in the mapping's order."""

    name: str
    n: int = 0
    before: int = 0
    before_squares: int = 0
    metrics: list[MetricSums] = field(default_factory=list)

    def add(self, before: int, values: list[int]) -> None:
        """Count one customer."""
        self.n += 1
        self.before += before
        self.before_squares += before * before
        for sums, value in zip(self.metrics, values, strict=True):
            if value:
                sums.total += value
                sums.squares += value * value
                sums.some += 1
                sums.products += before * value


def count(
    path: Path, file: ListFile, mapping: ColumnMapping, *, on_rows: Callable[[int], None] = lambda done: None
) -> list[ArmSums]:
    """Add up an examined file, the control's arm first and the others by name; memory does not grow with it.

    `on_rows` is told now and then how many rows were read. Raises ImportProblem: for what the mapping says and the
    file has not, and for rows that cannot be read, the first twenty by number (the first after the header is 1).
    """
    mapping.check(file.header)
    arms: dict[str, ArmSums] = {}
    problems: list[str] = []
    bad = 0
    for number, found in enumerate(_rows(path, file, mapping), 1):
        if isinstance(found, str):
            bad += 1
            if len(problems) < MOST_PROBLEMS:
                problems.append(f"Row {number:,}: {found}.")
            continue
        name, before, values = found
        if name not in arms:
            arms[name] = _new_arm(name, arms, mapping)
        arms[name].add(before, values)
        if number % _EVERY == 0:
            on_rows(number)
    if bad:
        more = f" And {bad - len(problems):,} more." if bad > len(problems) else ""
        raise ImportProblem("\n".join(problems) + more)
    return _ordered(arms, mapping)


def _rows(path: Path, file: ListFile, mapping: ColumnMapping) -> Iterator[tuple[str, int, list[int]] | str]:
    """Each row as its arm, what was before and its values, or the reason why it is none."""
    place = {column: index for index, column in enumerate(file.header)}
    arm_at = place[mapping.variant]
    columns = [(place[one.column], one.column, _remembering(reader_of(one))) for one in mapping.metrics]
    if mapping.before:
        columns.insert(0, (place[mapping.before], mapping.before, _remembering(amount_reader(PLACES))))
    width = len(file.header)
    for row in rows(path, file):
        if isinstance(row, str):
            yield "it cannot be read as a row"
        elif len(row) != width:
            yield f"it has {len(row)} cells, and there are {width} columns"
        elif not (name := row[arm_at].strip()):
            yield f"“{mapping.variant}” is blank, so nobody knows the arm"
        else:
            yield _read(name, row, columns, has_before=bool(mapping.before))


def _read(
    name: str, row: list[str], columns: list[tuple[int, str, Read]], *, has_before: bool
) -> tuple[str, int, list[int]] | str:
    values = []
    for index, column, read in columns:
        try:
            values.append(read(row[index]))
        except ValueError as error:
            cell = row[index].strip()[:40]
            return f"“{column}” is “{cell}”, {error}" if cell else f"“{column}” is blank: write 0 for nothing"
    return name, values.pop(0) if has_before else 0, values


def _remembering(read: Read) -> Read:
    """The same, remembering cells that come again, as most do."""
    known: dict[str, int] = {}

    def look_up(cell: str) -> int:
        value = known.get(cell)
        if value is None:
            value = read(cell.strip())
            if len(known) < MOST_REMEMBERED:
                known[cell] = value
        return value

    return look_up


def _new_arm(name: str, arms: dict[str, ArmSums], mapping: ColumnMapping) -> ArmSums:
    if len(arms) >= MOST_ARMS:
        some = ", ".join(list(arms)[:3])
        raise ImportProblem(
            f"Column “{mapping.variant}” has more than {MOST_ARMS} different values ({some} …), too many for arms."
        )
    check_name(name)
    return ArmSums(name, metrics=[MetricSums() for _ in mapping.metrics])


def _ordered(arms: dict[str, ArmSums], mapping: ColumnMapping) -> list[ArmSums]:
    """The control, then the others by name. Raises ImportProblem where there is nothing to compare."""
    if mapping.control not in arms:
        raise ImportProblem(
            f"No row has “{mapping.control}” in “{mapping.variant}”; there are: {', '.join(sorted(arms))}."
        )
    if len(arms) < 2:
        raise ImportProblem(
            f"All rows are in the arm “{mapping.control}”: there is nothing to compare it with."
        )
    for arm in arms.values():
        if arm.n < 2:
            raise ImportProblem(f"Arm “{arm.name}” has one customer; it takes two at least.")
    control = arms.pop(mapping.control)
    return [control, *(arms[name] for name in sorted(arms))]


@dataclass(frozen=True, slots=True)
class Profile:
    """What stands in a column: its different values, most frequent first, where there are few; how they read."""

    values: tuple[str, ...]
    is_binary: bool
    is_numeric: bool


def profile(path: Path, file: ListFile) -> list[Profile]:
    """Look through the whole file and tell of each column what it could be; unreadable rows are passed over.

    `values` is empty for a column with more than ten different ones, or with blanks.
    """
    width = len(file.header)
    seen: list[Counter[str]] = [Counter() for _ in range(width)]
    for row in rows(path, file):
        if isinstance(row, str) or len(row) != width:
            continue
        for counted, cell in zip(seen, row, strict=True):
            if len(counted) <= MOST_ARMS or cell in counted:
                counted[cell] += 1
    return [_profiled(counted) for counted in seen]


def _profiled(counted: Counter[str]) -> Profile:
    cells = [cell.strip() for cell, _ in counted.most_common()]
    few = len(set(cells)) <= MOST_ARMS and all(cells)
    return Profile(
        values=tuple(dict.fromkeys(cells)) if few else (),
        is_binary=bool(cells) and set(cells) <= {"0", "1", "true", "false", "True", "False", "yes", "no"},
        is_numeric=bool(cells) and all(_is_number(cell) for cell in cells),
    )


def _is_number(cell: str) -> bool:
    try:
        amount_reader(PLACES)(cell)
    except ValueError:
        return False
    return True
