"""The flight recorder: ended spans stay in memory until a dump is asked for."""
