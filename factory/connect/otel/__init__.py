"""OpenTelemetry: traces and metrics of what this process has published, for whoever the standard variables name."""
