"""Real projects under the factory, fetched from their registries."""
