"""docs/star.svg: the fact, the dimensions around it, and which key joins which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from dvdrental_etl.model.contract import columns_of
from tools.reporting_sql.notes import documented
from tools.reporting_sql.references import CALENDAR, references
from tools.verify_sql.star import Star

WIDTH, BOX, LINE, HEAD, GAP, MARGIN = 1000, 280, 15, 28, 24, 20
INK, GREY, EDGE = "#1f2933", "#52606d", "#9aa5b1"
FACT_FILL, CALENDAR_FILL, DIMENSION_FILL = "#fff4e0", "#e6f4ea", "#e3f2fd"
MONOSPACE = "Menlo, Consolas, monospace"
CAPTION = (
    "* keeps history: a change opens a new version. Each dimension also has valid_from, valid_to, is_current,"
    " is_deleted, is_inferred."
)


@dataclass(frozen=True)
class Box:
    """A table as it is drawn: its lines below the head, and where its top left corner is."""

    name: str
    lines: Sequence[str]
    fill: str
    x: int = 0
    y: int = 0

    @property
    def height(self) -> int:
        """Head, lines and a margin."""
        return HEAD + LINE * len(self.lines) + 10

    def svg(self) -> Iterator[str]:
        """A rectangle with a filled head, and the lines."""
        for height, fill in ((self.height, "#fff"), (HEAD, self.fill)):
            yield (
                f'<rect x="{self.x}" y="{self.y}" width="{BOX}" height="{height}" rx="6" fill="{fill}"'
                f' stroke="{EDGE}"/>'
            )
        font = f'font-family="{MONOSPACE}"'
        yield (
            f'<text x="{self.x + 12}" y="{self.y + 19}" font-size="14" font-weight="600" fill="{INK}" {font}>'
            f"{self.name}</text>"
        )
        for number, line in enumerate(self.lines, 1):
            y = self.y + HEAD + LINE * number
            yield f'<text x="{self.x + 12}" y="{y}" font-size="11" fill="{GREY}" {font}>{escape(line)}</text>'


def star_diagram(star: Star) -> str:
    """The whole picture as SVG."""
    fact, *others = _boxes(star)
    left, right = _column(others[::2], MARGIN), _column(others[1::2], WIDTH - MARGIN - BOX)
    height = max(box.y + box.height for box in (*left, *right)) + MARGIN + 20
    middle = Box(fact.name, fact.lines, fact.fill, (WIDTH - BOX) // 2, (height - fact.height) // 2)
    body = [
        *(_arrow(middle, box) for box in (*left, *right)),
        *(line for box in (middle, *left, *right) for line in box.svg()),
        f'<text x="{MARGIN}" y="{height - 12}" font-size="11" fill="{GREY}">{CAPTION}</text>',
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="Helvetica, Arial, sans-serif" role="img" aria-label="The star schema">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>', *body, "</svg>"]) + "\n"


def _boxes(star: Star) -> Iterator[Box]:
    """The fact, the calendar and the dimensions, not placed yet."""
    joins = {one.column: one.dimension for one in references(star)}
    names = [column.name for column in columns_of(star.fact.table)]
    yield Box(star.fact.table, [f"{n} > {joins[n]}" if n in joins else n for n in names], FACT_FILL)
    yield Box(CALENDAR, [column.name for column, _ in documented(CALENDAR).columns], CALENDAR_FILL)
    for dimension in star.dimensions:
        attributes = [
            f"{column.name} *" if column.name in dimension.tracked else column.name
            for column in dimension.attributes
        ]
        yield Box(dimension.table, [dimension.key, dimension.natural_key, *attributes], DIMENSION_FILL)


def _column(boxes: Sequence[Box], x: int) -> list[Box]:
    """Boxes below each other."""
    placed, y = [], MARGIN
    for box in boxes:
        placed.append(Box(box.name, box.lines, box.fill, x, y))
        y += box.height + GAP
    return placed


def _arrow(fact: Box, box: Box) -> str:
    """A line from the fact's side to the head of a table."""
    start, end = (fact.x, box.x + BOX) if box.x < fact.x else (fact.x + BOX, box.x)
    y, head = fact.y + fact.height // 2, box.y + HEAD // 2
    middle = (start + end) // 2
    return f'<path d="M{start} {y} C{middle} {y} {middle} {head} {end} {head}" stroke="{GREY}" fill="none"/>'
