"""This distribution's version: kept here, because asking ``importlib.metadata`` takes 30 ms."""

VERSION = "0.2.0"
