"""Answers questions about traces in few words, for agents and whoever else pays by the word."""
