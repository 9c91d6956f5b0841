"""Whether the records' second index should go before a restore and be built anew behind it. Pure."""

# Microseconds of Postgres a record, measured with 300,000 and 1,500,000 records (DECISIONS). An archive comes in the
# order of owners, so a new row's place in the index is a page that was just written to: keeping it costs little.
_KEEPING = 0.9
_BUILDING = 0.85
_RESTORING = 15.0
WORTH = 0.05
"""Share of a restore that would have to be saved for readers to go without the index while it lasts."""


def secondary_index(*, coming: int, there: int) -> str:
    """Say what is done about it for `coming` records in a table of `there`, and why.

    It is kept whatever the size: building it, which reads what was there before as well, saves less than WORTH of a
    restore even into an empty table.
    """
    saved = coming * _KEEPING - (coming + there) * _BUILDING
    share = saved / (coming * _RESTORING) if coming else 0.0
    told = f"save {100 * share:.1f} % of the restore" if share > 0 else "cost more than it saves"
    return f"kept: {coming} records come to {there}, building it anew would {told}"
