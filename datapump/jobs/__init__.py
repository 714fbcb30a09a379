"""What runs: each job is a document that is moved on by ticks."""
