"""Delivers what is measured of functions as metrics."""
