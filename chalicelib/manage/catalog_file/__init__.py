"""The whole catalogue as one readable file: written, read, held to the shop's rules, compared and applied.

JSON, because the standard library both reads and writes it: TOML it only reads, YAML neither. The file is for
people: everything in a fixed order, Chinese as it is, short things on one line, amounts as text in yuan, dates
as Beijing dates, days as days, other things by their ids. `README.md` beside this describes it.

    rows        what the file consists of; the fields of each row and their forms
    forms       how single values are written and read
    reading     text -> `Catalogue`, or every fault of it with its place
    writing     `Catalogue` -> text
    rules       what must be true of several values together
    items       rows <-> the stored items
    difference  two catalogues -> what changed, in words
    plan        what has to be written; what must not be done
    apply       doing it
"""
