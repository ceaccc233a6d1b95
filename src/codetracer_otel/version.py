"""The version of this distribution, kept here because ``importlib.metadata`` takes 30 ms."""

VERSION = "0.2.0"
