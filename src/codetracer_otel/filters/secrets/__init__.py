"""Finds secrets in text and redacts them."""
