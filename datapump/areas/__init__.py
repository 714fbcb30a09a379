"""User areas: from the geometries that users drew to the feature files that analyses read."""
