"""The verbs of the shop: what a visitor, a payment provider or the clock can do. They join nouns and
gateways.

Every function here that reads or writes may raise StoreUnavailable, every one that commits OutcomeUnknown. Docstrings
name what else.
"""
