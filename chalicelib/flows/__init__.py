"""The verbs of the shop: what a visitor, a payment provider or the clock can do. They join nouns and
gateways.
"""
