"""What column names usually mean. A name alone never decides: the values must agree."""

from __future__ import annotations

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


TIME = _set(
    "timestamp timestamps time times datetime date ts t ds epoch epochtime unix unixtime unixtimestamp clock when utc "
    "utctime localtime dateandtime datetimeutc timestamputc timeutc eventtime createdat recordedat measuredat "
    "observedat timems timeus timens tms tus tns timestampms timestampus timestampns timesec tsec seconds sec secs "
    "elapsed elapsedms elapsedtime"
)
LABEL = _set(
    "label labels isanomaly anomaly anomalylabel isanomalous anomalous changepoint y groundtruth isoutlier outlier"
)
# Which of several series a row belongs to: each becomes a series of its own.
SERIES = _set(
    "id seriesid uniqueid itemid tsid kpiid entity entityid host hostname hostid machine machineid device deviceid "
    "node nodeid instance instanceid unitid"
)
# Which channel of one series a row belongs to: each becomes a column.
CHANNEL = _set(
    "series metric metricname name variable channel channelname sensor sensorname sensorid kpi key tag tagname signal "
    "field item measurement parameter quantity"
)
INDEX = _set("index row rownumber rowid rownames no nr idx level0 indexlevel0 id")

# What people write into a cell that holds nothing; CSV compares them as they stand, the rest without regard to case.
MISSING = (
    *("", " ", "NA", "N/A", "n/a", "na", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none", "NONE"),
    *("nil", "-", "--", "?", ".", "missing", "NaT", "<NA>"),
)
MISSING_LOWER = tuple(dict.fromkeys(word.strip().lower() for word in MISSING))


def plain(name: str) -> str:
    """Reduce a name to its letters and digits, so that ``KPI ID``, ``kpi_id`` and ``KpiId`` are one.

    Examples
    --------
    >>> plain("KPI_ID"), plain("Unnamed: 0")
    ('kpiid', 'unnamed0')
    """
    return re.sub(r"[\W_]+", "", name.lower())


def is_time(name: str) -> bool:
    """Tell whether a name says that its column is a clock."""
    short = plain(name)
    return short in TIME or short.endswith(("timestamp", "datetime"))


def is_label(name: str) -> bool:
    """Tell whether a name says that its column marks anomalies."""
    return plain(name) in LABEL


def is_index(name: str) -> bool:
    """Tell whether a name says that its column numbers the rows."""
    short = plain(name)
    return short in INDEX or short.startswith("unnamed")


def listed(names: list[str], most: int = 6) -> str:
    """Write names as a list for a person, cut after `most`; long ones are cut too, for a header may be prose.

    Examples
    --------
    >>> listed(["a", "b"]), listed(list("abcdefgh"), 3)
    ('a and b', 'a, b, c and 5 more')
    """
    names = [name if len(name) <= 40 else f"{name[:37]}..." for name in names]
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def several(count: int, noun: str) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> several(1, "row"), several(12000, "row")
    ('1 row', '12,000 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
