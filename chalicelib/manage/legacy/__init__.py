"""Take over the old system's database (SQLite, written by Django): read, translate, store, report.

Each translation says what the old values mean: codes of choices, UTC datetimes, the coupons' Beijing days, money in
binary floats.
"""

SOURCE = "legacy"
"""The `source` of every imported item, by which a later run knows its own."""
