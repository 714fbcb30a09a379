"""The embedded Data API: the GFW Data API's contract over SQLite, Parquet and DuckDB, on one machine.

`app.create_data_api` makes the ASGI application, `service.Service` is what it serves: metadata in one SQLite
file, each version's rows in immutable Parquet parts, loads in the background.
"""
