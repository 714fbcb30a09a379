"""Rasters: their formulas, grids and tiles."""
