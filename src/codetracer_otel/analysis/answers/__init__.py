"""Answers questions about traces in few words, for agents that pay for each word."""
