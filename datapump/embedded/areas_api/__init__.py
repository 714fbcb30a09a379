"""An Areas API of its own: the contract of ResourceWatch's, over GeoJSON files of a folder and one SQLite file."""
