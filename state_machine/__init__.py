"""The flow: what carries an execution from its command to its end."""
