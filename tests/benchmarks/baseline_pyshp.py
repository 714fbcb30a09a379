"""The straightforward way to read a FIRMS shapefile: feature by feature with pyshp. Arguments: the zip, the output."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import shapefile

HEADER = ("latitude", "longitude", "acq_date", "acq_time", "confidence", "bright_ti4", "bright_ti5", "frp")
FIELDS = ["ACQ_DATE", "ACQ_TIME", "CONFIDENCE", "BRIGHT_TI4", "BRIGHT_TI5", "FRP"]


def main(feed: str, out: str) -> None:
    """Read, sort by time and then by all else, write."""
    rows = []
    with shapefile.Reader(feed) as reader:
        for feature in reader.iterShapeRecords(fields=FIELDS):
            longitude, latitude = feature.shape.points[0]
            date, time, confidence, *measured = (feature.record[name] for name in FIELDS)
            rows.append((latitude, longitude, date, time, confidence[0], *measured))
    rows.sort(key=lambda row: (row[2], row[3], *row))
    with Path(out).open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
