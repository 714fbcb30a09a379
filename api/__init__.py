"""The HTTP control plane: validates commands, starts executions, reports them."""
