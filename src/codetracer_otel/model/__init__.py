"""What flows between the wings: records, captured values, span views, and the protocols."""
