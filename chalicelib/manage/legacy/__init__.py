"""Taking over the old system's database (SQLite, written by Django): reading, translating, storing, reporting.

What its values mean stands with each translation: codes of choices, UTC datetimes, the coupons' Beijing days,
money in binary floats.
"""

SOURCE = "legacy"
"""The `source` of every item that the import writes: by it a later run knows its own."""
