"""Chalice, HTTP and JSON: with app.py the only code that knows them."""
