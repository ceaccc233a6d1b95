"""OpenTelemetry's side: provider, spans, samplers and the resource."""
