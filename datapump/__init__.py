"""The pipeline: commands, jobs, sources, engines, clients and stores."""
