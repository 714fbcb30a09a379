"""What requests may say, field by field in the order of the service's own models."""
