"""Chalice, HTTP and JSON: the only place, with app.py, that knows of them."""
