"""Events as a table.

    pip install pandas
    python table.py               # some made-up sales
    python table.py STORE STREAM  # a stream of yours
"""

import random
import sys
from datetime import UTC, datetime, timedelta

import pandas

from streams_core import Draft, Node, Rule, SigningKey, Stream


def sales() -> Stream:
    """A stream of three shops that sold something in the last weeks."""
    shops = [SigningKey.generate() for _ in range(3)]
    root = Draft.root("example.org/sales", policies=[Rule.open_to_all()]).sign(shops[0])
    stream, dice, day = Node().create(root), random.Random(7), datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(300):
        sold = {"item": dice.choice(["bread", "rice", "milk"]), "count": dice.randint(1, 5), "price": dice.randint(80, 400)}
        writer = stream.by(dice.choice(shops), timestamp=day + timedelta(hours=number * 2))
        writer.append("example.org/sales.Sold", sold)
    return stream


def main() -> None:
    stream = Node(sys.argv[1])[sys.argv[2]] if len(sys.argv) == 3 else sales()
    table = pandas.DataFrame(stream.to_records()).convert_dtypes()
    ends = {name: "…" + table[name].str[-8:] for name in ("id", "author")}
    print(table.tail(3).assign(**ends).T.to_string(), end="\n\n")
    table = table[table["effective"] & (table["type"] != table["type"].iloc[0])]
    print(table.groupby("type").size().to_string(), end="\n\n")
    if "data.item" in table:
        table["sum"] = table["data.count"] * table["data.price"] / 100
        weeks = table.pivot_table(index=pandas.Grouper(key="time", freq="W"), columns="data.item", values="sum", aggfunc="sum")
        print(weeks.round(2).to_string())


if __name__ == "__main__":
    main()
