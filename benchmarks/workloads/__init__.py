"""Programs that the benchmarks trace; they know nothing of tracing."""
