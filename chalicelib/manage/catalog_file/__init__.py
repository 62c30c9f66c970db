"""The whole catalogue as one readable file: write, read, check, compare and apply it.

JSON, because the standard library both reads and writes it: TOML it only reads, YAML neither. The file is for
people: everything in a fixed order, Chinese as it is, short rows on one line, amounts as text in yuan, dates
as Beijing dates, days as days, references as ids. `README.md` beside this describes it.

    rows        the kinds of rows, their fields and the forms of these
    forms       how single values are written and read
    reading     text -> `Catalogue`, or every fault of it with its place
    writing     `Catalogue` -> text
    rules       the rules between values
    items       rows <-> the stored items
    difference  two catalogues -> the changes, in words
    plan        the writes, and the forbidden changes
    apply       write a plan
"""
